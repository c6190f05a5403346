//go:build race

package rotation

// racing says that the race detector looks on, which makes a test ten times as
// slow.
const racing = true
