//go:build release

package main

import "context"

// sandboxHelp is empty: help does not offer what is not there.
const sandboxHelp = ""

// runSandbox is not part of release builds: they hold neither the local world
// nor an embedded Redis.
func runSandbox(_ context.Context, _ []string, p process) int {
	return p.misused("the sandbox is not part of release builds; use: go run ./bot sandbox")
}
