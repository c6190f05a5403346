//go:build !race && !release

package main

const (
	racing       = false
	worldsAtOnce = "7"
)
