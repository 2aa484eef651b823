/** Branded primitives: a value that carries in its type that it was parsed. */

declare const brand: unique symbol;

export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
