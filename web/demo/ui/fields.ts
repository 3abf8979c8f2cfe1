// Form fields of the sections: a choice of one (radio buttons) and a choice of several (check boxes).
import { h } from './dom';

interface Choice<T> {
  label: string;
  value: T;
  disabled?: boolean;
}

let names = 0;

export function radioField<T>(
  legend: string,
  choices: Choice<T>[],
  initial: T,
  onChange: (value: T) => void = () => {},
) {
  const name = `choice-${++names}`;
  let value = initial;
  const element = h('fieldset', { class: 'choices' }, h('legend', {}, legend));
  const inputs = new Map<T, HTMLInputElement>();
  for (const choice of choices) {
    const input = h('input', {
      type: 'radio',
      name,
      checked: choice.value === initial,
      value: String(choice.value),
      disabled: choice.disabled ?? false,
    });
    input.addEventListener('change', () => {
      value = choice.value;
      onChange(value);
    });
    inputs.set(choice.value, input);
    element.append(h('label', {}, input, h('span', {}, choice.label)));
  }
  return {
    element,
    value: () => value,
    /** Turns to a choice, which may have been disabled until now; does not call `onChange`. */
    select(next: T) {
      const input = inputs.get(next);
      if (!input) return;
      input.disabled = false;
      input.checked = true;
      value = next;
    },
  };
}

export function checkField<T>(legend: string, choices: (Choice<T> & { checked: boolean })[]) {
  const element = h('fieldset', { class: 'choices' }, h('legend', {}, legend));
  const inputs = choices.map((choice) => {
    const input = h('input', { type: 'checkbox', checked: choice.checked, value: String(choice.value) });
    element.append(h('label', {}, input, h('span', {}, choice.label)));
    return { input, value: choice.value };
  });
  return { element, values: () => inputs.filter(({ input }) => input.checked).map(({ value }) => value) };
}

export function selectField(label: string) {
  const id = `field-${++names}`;
  const select = h('select', { id });
  return {
    element: h('div', { class: 'field' }, h('label', { htmlFor: id }, label), select),
    value: () => select.value,
    /** Keeps what was chosen, where it is still among the choices. */
    setChoices(choices: Choice<string>[]) {
      const before = select.value;
      select.replaceChildren(...choices.map(({ value, label: text }) => h('option', { value }, text)));
      if (choices.some(({ value }) => value === before)) select.value = before;
    },
  };
}
