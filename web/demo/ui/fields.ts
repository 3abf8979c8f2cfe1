// Form fields of the sections: a choice of one (radio buttons) and a choice of several (check boxes).
import { h } from './dom';

interface Choice<T> {
  label: string;
  value: T;
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
  for (const choice of choices) {
    const input = h('input', {
      type: 'radio',
      name,
      checked: choice.value === initial,
      value: String(choice.value),
    });
    input.addEventListener('change', () => {
      value = choice.value;
      onChange(value);
    });
    element.append(h('label', {}, input, h('span', {}, choice.label)));
  }
  return { element, value: () => value };
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
