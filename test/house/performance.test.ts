// bench/NOTES.md and what writes its figures; what documents link to.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { marks, withFigures } from '../../bench/report/publish.ts'
import { root } from '../runner/jobs.ts'
import { treeFiles } from './tree.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const document = read('bench/NOTES.md')

test('it has a place for the figures and for the peers, and what is around them stays', () => {
  for (const name of ['figures', 'peers']) {
    const written = withFigures(document, name, '\nA table\n')
    const [begin, end] = marks(name)
    assert.match(written, `${begin}\n\nA table\n\n${end}`)
    assert.is(withFigures(written, name, 'A table'), written)
    const around = (text: string) => [text.split(begin)[0], text.split(end)[1]]
    assert.equal(around(written), around(document))
  }
})

test('where a mark is missing, there twice, or out of order, nothing is written', () => {
  const [begin, end] = marks('figures')
  for (const spoilt of ['', begin, end, `${end}${begin}`, `${begin}${end}${end}`, `${begin}${begin}${end}`]) {
    assert.throws(() => withFigures(spoilt, 'figures', 'x'), /once each/)
  }
})

test('whatever a document links to in this tree is there', () => {
  const missing = treeFiles()
    .filter((path) => path.endsWith('.md') && !path.startsWith('docs/performance/'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].flatMap(([, link = '']) =>
        existsSync(join(root, dirname(path), link)) ? [] : [`${path}: ${link}`],
      ),
    )
  assert.equal(missing, [])
})

test('README is short, and docs/performance.md names where the figures come from', () => {
  assert.ok(read('README.md').split('\n').length <= 121)
  for (const link of ['performance/results.md', '../bench/README.md', '../bench/NOTES.md'])
    assert.match(read('docs/performance.md'), link)
})

test('the published run is there whole, where there is one, and README shows it', () => {
  const published = ['results.json', 'results.md', 'layers.svg'].map((name) => `docs/performance/${name}`)
  const there = published.filter((path) => existsSync(join(root, path)))
  if (there.length === 0) return
  assert.equal(there, published)
  for (const link of ['docs/performance.md', 'docs/performance/layers.svg']) assert.match(read('README.md'), link)
})

test('docs/performance.md says of which commit and day its figures are: those of the published run', () => {
  const { commit, made } = JSON.parse(read('docs/performance/results.json')) as { commit: string; made: string }
  assert.match(read('docs/performance.md'), `Measured on ${made.slice(0, 10)} with commit ${commit}`)
})

test.run()
