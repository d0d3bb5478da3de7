// The layers as a picture: what one signature takes, one layer more at a time.
import { parse, View, Warn } from 'vega'
import { compile } from 'vega-lite'
import type { Results, SignatureResult } from './results.ts'

const LAYERS: Readonly<Record<string, string>> = {
  bare: 'bare loop in C',
  native: 'native layer',
  vault: 'vault',
  application: 'card application',
  card: 'Card',
  reader: 'Card over PC/SC',
}
const MODES: readonly string[] = ['back to back', 'spaced']

function specification(signatures: readonly SignatureResult[]): object {
  const values = signatures
    .filter(({ policy, mode }) => policy === 'once' && MODES.includes(mode))
    .map(({ transport, algorithm, layer, mode, p50 }) => ({
      panel: `${algorithm}, ${transport}`,
      layer: LAYERS[layer] ?? layer,
      mode: mode === 'spaced' ? '20 ms apart' : mode,
      ms: p50 / 1000,
    }))
  const bars = {
    mark: { type: 'bar' },
    encoding: {
      y: { field: 'layer', type: 'nominal', sort: Object.values(LAYERS), title: null },
      yOffset: { field: 'mode', sort: ['back to back', '20 ms apart'] },
      x: { field: 'ms', type: 'quantitative', title: 'milliseconds a signature (median)' },
      color: { field: 'mode', type: 'nominal', title: null, scale: { range: ['#2b6cb0', '#a0aec0'] } },
    },
  }
  const labels = {
    mark: { type: 'text', align: 'left', dx: 3, fontSize: 9 },
    encoding: { ...bars.encoding, color: { value: '#333' }, text: { field: 'ms', format: '.3~r' } },
  }
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    data: { values },
    facet: { field: 'panel', title: null, columns: 2 },
    columns: 2,
    spec: { width: 300, height: { step: 11 }, layer: [bars, labels] },
    resolve: { scale: { x: 'independent' } },
    config: { legend: { orient: 'bottom' }, font: 'sans-serif' },
  }
}

/** An SVG of the layers, for keys with the policy `once`; undefined where a run has none. */
export async function plot({ signatures }: Results): Promise<string | undefined> {
  if (!signatures.some(({ policy }) => policy === 'once')) return undefined
  const { spec } = compile(specification(signatures))
  const view = new View(parse(spec), { renderer: 'none', logLevel: Warn })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}
