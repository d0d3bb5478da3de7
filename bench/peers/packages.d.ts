// What is used of packages that only bench/peers installs: types are checked whether they are there or not.
declare module 'pkcs11js' {
  type Handle = Buffer
  interface Attribute {
    readonly type: number
    readonly value?: number | boolean | string | Buffer
  }
  interface Pkcs11 {
    load(path: string): void
    C_Initialize(): void
    C_GetSlotList(present: boolean): Handle[]
    C_GetTokenInfo(slot: Handle): { readonly label: string }
    C_OpenSession(slot: Handle, flags: number): Handle
    C_Login(session: Handle, user: number, pin: string): void
    C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
    C_FindObjects(session: Handle, most: number): Handle[]
    C_FindObjectsFinal(session: Handle): void
    C_GenerateKeyPair(
      session: Handle,
      mechanism: { readonly mechanism: number },
      publicKey: readonly Attribute[],
      privateKey: readonly Attribute[],
    ): unknown
    C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void
    C_Sign(session: Handle, data: Buffer, room: Buffer): Buffer
    C_Finalize(): void
  }
  const pkcs11js: { readonly PKCS11: new () => Pkcs11 } & Readonly<Record<string, number>>
  export default pkcs11js
}

declare module '@2060.io/ffi-napi' {
  type Foreign = Readonly<Record<string, (...args: unknown[]) => number>>
  const ffi: {
    Library(name: string, functions: Readonly<Record<string, readonly [string, readonly string[]]>>): Foreign
  }
  export default ffi
}

declare module '@2060.io/ref-napi' {
  const ref: { readPointer(from: Buffer, offset: number, size: number): Buffer; readonly NULL: Buffer }
  export default ref
}
