import './styles/tokens.css';
import './styles/page.css';
import './styles/panel.css';
import './styles/learn.css';
import { Engine } from './engine/engine';
import type { Variant } from './engine/protocol';
import { drawSection } from './sections/draw';
import { heroSection } from './sections/hero';
import { ladderSection } from './sections/ladder';
import { networkSection } from './sections/network';
import { profileSection } from './sections/profile';
import { trainSection } from './sections/train';

const VARIANTS: readonly string[] = ['auto', 'scalar', 'simd', 'relaxed'];

/** ?variant=simd, ?threads=1, ?passes=10, ?limit=2 (seconds for a product): the same page with other options, to link to. */
function readUrl() {
  const query = new URLSearchParams(location.search);
  const variant = query.get('variant') ?? 'auto';
  const count = (name: string) => {
    const value = Number(query.get(name));
    return Number.isInteger(value) && value > 0 ? value : undefined;
  };
  return {
    variant: (VARIANTS.includes(variant) ? variant : 'auto') as Variant,
    threads: count('threads') ?? ('auto' as const),
    passes: count('passes'),
    limit: count('limit') ?? 10,
  };
}

const options = readUrl();
const engine = new Engine({ variant: options.variant, threads: options.threads, baseUrl: document.baseURI });
// Reading digits is inference: no other part of the library is needed.
const reader = new Engine({ variant: options.variant, threads: 1, baseUrl: document.baseURI });
const draw = drawSection(reader, new URL('model.safetensors', document.baseURI));
const panels = [
  networkSection(engine, options.passes),
  ladderSection(engine, options.limit),
  profileSection(engine, options.passes),
  trainSection(engine, draw.offerTrained),
];

heroSection(engine, (variant) => {
  const url = new URL(location.href);
  url.searchParams.set('variant', variant);
  history.replaceState(null, '', url);
  // What is on show was measured with the other build.
  void engine.start({ variant });
  for (const panel of panels) panel.reset();
});

void engine.start();
