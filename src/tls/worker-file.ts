// The worker thread of worker.ts, which lies beside this file: in src/, and in dist/. The program in one piece,
// dist/tessera.cjs, is a folder above it.
import { Worker, type WorkerOptions } from 'node:worker_threads'

export function startWorker(options: WorkerOptions = {}): Worker {
  const here = import.meta.url
  if (here.endsWith('.ts')) return startSource(new URL('worker.ts', here), options)
  const file = new URL(here.endsWith('.cjs') ? 'tls/worker.js' : 'worker.js', here)
  // Options of the node command are for the main program; Node refuses some of them for a thread.
  return new Worker(file, { ...options, execArgv: [] })
}

/** In a checkout, where a worker has no TypeScript loader. Not a literal: a bundler would resolve it. */
function startSource(source: URL, options: WorkerOptions): Worker {
  const { resolve } = import.meta
  const [loader, file] = [resolve('tsx/esm/api'), source.href].map((text) => JSON.stringify(text))
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${file}) })`, {
    ...options,
    execArgv: [],
    eval: true,
  })
}
