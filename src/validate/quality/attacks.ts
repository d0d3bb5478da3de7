// What a bad figure would allow, and where that was shown.

export interface Attack {
  readonly name: string
  readonly gives: string
  readonly source: string
}

export const ATTACKS = {
  guessing: {
    name: 'Guessing of keys and nonces',
    gives: 'Keys and nonces made from these random numbers can be predicted.',
    source: 'Heninger et al., Mining Your Ps and Qs, USENIX Security 2012',
  },
  roca: {
    name: 'ROCA (CVE-2017-15361)',
    gives: 'The private key is computed from the public key by factoring.',
    source: "Nemec et al., The Return of Coppersmith's Attack, CCS 2017",
  },
  fermat: {
    name: 'Fermat factoring (CVE-2022-26320)',
    gives: 'The private key is computed from the public key at once.',
    source: 'Böck, Fermat Factorization in the Wild, IACR ePrint 2023/026',
  },
  sharedFactor: {
    name: 'Common factors',
    gives: 'Two keys with a prime in common are both factored by one greatest common divisor.',
    source: 'Heninger et al., Mining Your Ps and Qs, USENIX Security 2012',
  },
  repeatedNonce: {
    name: 'Repeated nonce',
    gives: 'The private key is computed from two signatures.',
    source: 'fail0verflow, Console Hacking, 27C3 2010',
  },
  linearNonce: {
    name: 'Linear nonces',
    gives: 'The private key is computed from a few signatures, whose nonces follow one another.',
    source:
      'Bellare, Goldwasser, Micciancio, "Pseudo-Random" Number Generation within Cryptographic Algorithms, CRYPTO 1997',
  },
  ladderLeak: {
    name: 'LadderLeak',
    gives: 'The private key is computed from many signatures, even where less than one bit of each nonce is known.',
    source: 'Aranha et al., LadderLeak, CCS 2020',
  },
  lattice: {
    name: 'Lattice attack on short nonces',
    gives: 'The private key is computed from some dozens of signatures.',
    source:
      'Howgrave-Graham and Smart, Lattice Attacks on Digital Signature Schemes, 2001; Breitner and Heninger, Biased Nonce Sense, FC 2019',
  },
  minerva: {
    name: 'Minerva (CVE-2019-15809), TPM-FAIL (CVE-2019-11090, CVE-2019-16863)',
    gives:
      'The private key is computed from signatures whose time was measured: those that were fast have short nonces.',
    source: 'Jancar et al., Minerva, CHES 2020; Moghimi et al., TPM-FAIL, USENIX Security 2020',
  },
  timing: {
    name: 'Timing attack',
    gives: 'How long a signature takes depends on its nonce, which an attacker can use to find it.',
    source: 'Svenda et al., TPMScan, CHES 2024',
  },
} as const satisfies Record<string, Attack>
