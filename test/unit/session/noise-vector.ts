/**
 * Noise_IK_25519_ChaChaPoly_SHA512 from the cacophony test vectors, hex. Their handshake hash is left out: for this
 * pattern it is the one after the first message, not the final one.
 */

export const IK_VECTOR = {
  prologue: '4a6f686e2047616c74',
  initiatorStatic: 'e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1',
  initiatorEphemeral: '893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a',
  responderPublic: '31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62',
  responderStatic: '4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893',
  responderEphemeral: 'bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b',
  messages: [
    {
      payload: '4c756477696720766f6e204d69736573',
      ciphertext:
        'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944' +
        '7a2281c0f1aee0c48c41333a1abbb349ee4bf12e09f8c4fd66635aabbb7dad34' +
        '6081a79f59e2cef812260cfe8c9e6a99d12f7c7ffc9fe5513818d9cf9b8778d1' +
        'ebd1ce70c8f726d7869830258a788910',
    },
    {
      payload: '4d757272617920526f746862617264',
      ciphertext:
        '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843' +
        'f58050451a0edd2a40bb8b0f6b51ea8094a07e3ed31ebc516b584fef6eaaaf',
    },
    {
      payload: '462e20412e20486179656b',
      ciphertext: 'cae0b6af5460d026e80e22c27572a92048176872538f91a056a8df',
    },
    {
      payload: '4361726c204d656e676572',
      ciphertext: 'ab1440d2b5892c638a11a7fa6412beaea5cee62342147f02d75a68',
    },
    {
      payload: '4a65616e2d426170746973746520536179',
      ciphertext: '0263ed778a193155c9947202e0b9d35eb46581a902449d091e1b6575a9a59fbeff',
    },
    {
      payload: '457567656e2042f6686d20766f6e2042617765726b',
      ciphertext: '95aedd9192351379cb063c8d5827d5529c7f2c8929552dd64c57029734737ea2a405255dcf',
    },
  ],
} as const;
