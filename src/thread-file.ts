// Where the code of a worker thread lies: the same relative path from src/, from dist/, and from the program in dist/.
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** @param path below src/, without its ending */
export function startThread(path: string, options: WorkerOptions = {}): Worker {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const file = new URL(`./${path}${ending}`, import.meta.url)
  // What Node was told at its start is of the program that was started, and may even refuse a file.
  if (ending !== '.ts') return new Worker(file, { ...options, execArgv: [] })
  // In a checkout the reader of TypeScript is of the first thread alone.
  const [reader, code] = [import.meta.resolve('tsx/esm/api'), file.href].map((text) => JSON.stringify(text))
  return new Worker(`import(${reader}).then(({ register }) => { register(); return import(${code}) })`, {
    ...options,
    execArgv: [],
    eval: true,
  })
}
