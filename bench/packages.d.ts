// What is used of packages that only bench/ installs: the checker of types knows them whether they are there or not.
declare module 'benchmark' {
  export interface Case {
    readonly name: string
    readonly hz: number
    readonly stats: { readonly rme: number }
  }
  export class Suite {
    add(name: string, work: () => unknown): this
    on(event: 'cycle', listener: (event: { readonly target: Case }) => void): this
    run(options: { readonly async: false }): this
  }
  const benchmark: { readonly Suite: typeof Suite; readonly options: { maxTime: number } }
  export default benchmark
}

declare module 'vega-lite' {
  export function compile(specification: object): { readonly spec: object }
}

declare module 'vega' {
  export function parse(specification: object): object
  export const Warn: number
  export class View {
    constructor(runtime: object, options: { readonly renderer: 'none'; readonly logLevel: number })
    toSVG(): Promise<string>
    finalize(): void
  }
}
