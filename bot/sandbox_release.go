//go:build release

package main

import "context"

// runSandbox is not part of release builds: they hold neither the local world
// nor an embedded Redis.
func runSandbox(_ context.Context, _ []string, p process) int {
	return p.misused("the sandbox is not part of release builds; use: go run ./bot sandbox")
}
