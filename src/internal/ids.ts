/**
 * What an actor's services are called among the requirements of effects and layers.
 *
 * @since 0.1.0
 */

/**
 * Identifiers of the services of the actor `Name`, as they appear among the requirements of effects and layers.
 *
 * @category models
 * @since 0.1.0
 */
export declare namespace Id {
  /**
   * Identifier of the connection that a call came on.
   *
   * @category models
   * @since 0.1.0
   */
  export interface CurrentConnection<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of the connection list of the instance.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Connections<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of the state of the instance.
   *
   * @category models
   * @since 0.1.0
   */
  export interface State<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of the alarms of the instance.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Alarms<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of the hooks of the actor.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Hooks<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of the key of the instance.
   *
   * @category models
   * @since 0.1.0
   */
  export interface CurrentKey<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * Identifier of a client of the actor.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Client<Name> {
    readonly _: unique symbol
    readonly name: Name
  }
  /**
   * What handlers and hooks may use, since they run inside the instance.
   *
   * @category models
   * @since 0.1.0
   */
  export type Inside<Name> = Connections<Name> | State<Name> | Alarms<Name> | CurrentKey<Name>
}
