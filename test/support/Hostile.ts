/**
 * Schemas that a hostile peer makes use of.
 *
 * @since 0.1.0
 */
import { Schema, SchemaGetter } from "effect"

/**
 * A value that nests as deep as its sender likes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  readonly children: ReadonlyArray<Tree>
}

/**
 * Schema of a value that nests as deep as its sender likes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Tree: Schema.Codec<Tree> = Schema.Struct({ children: Schema.Array(Schema.suspend(() => Tree)) })

/**
 * A schema with a bug: it throws on the text "bomb".
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fragile = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transform((text: string) => {
    if (text === "bomb") throw new Error("the schema is broken")
    return text
  }),
  encode: SchemaGetter.transform((text: string) => text)
}))
