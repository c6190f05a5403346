//go:build race && !release

package main

// racing says that the race detector looks on, which makes a world several
// times as expensive.
const racing = true

// worldsAtOnce is how many parallel tests run beside each other unless the
// command line says otherwise. A sandbox mostly waits, so more of them than
// there are processors end sooner.
const worldsAtOnce = "5"
