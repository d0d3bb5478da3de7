// Which TPM is meant: an explicit choice, the environment, the machine's own, and never another one in silence.
import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { resolveTcti } from '../../src/index.ts'
import { explicitTcti } from '../../src/tpm/tcti.ts'

const environment = (tcti?: string) => (tcti === undefined ? {} : { TESSERA_TCTI: tcti })

test('what is asked for explicitly comes first, as it was written', () => {
  for (const asked of ['embedded:', 'swtpm:host=127.0.0.1,port=2321', 'device:/dev/tpm0', ' odd ', '']) {
    assert.equal(resolveTcti(asked, environment('mssim:')), { tcti: asked })
    assert.is(explicitTcti(asked, environment('mssim:')), asked)
  }
})

test('then the environment', () => {
  assert.equal(resolveTcti(undefined, environment('mssim:port=1')), { tcti: 'mssim:port=1' })
  assert.is(explicitTcti(undefined, environment('mssim:port=1')), 'mssim:port=1')
})

test('then the TPM of this machine, else the embedded one: announced', () => {
  for (const given of [environment(), environment('')]) {
    const { tcti, announced = '' } = resolveTcti(undefined, given)
    assert.is(tcti, existsSync('/dev/tpmrm0') ? 'device:/dev/tpmrm0' : 'embedded:')
    assert.match(announced, existsSync('/dev/tpmrm0') ? '/dev/tpmrm0' : 'simulated')
    assert.is(explicitTcti(undefined, given), undefined, 'and nobody chose it')
  }
})

test.run()
