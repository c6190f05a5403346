//go:build race && !release

package main

// racing says that the race detector looks on, which makes a world several
// times as expensive.
const racing = true
