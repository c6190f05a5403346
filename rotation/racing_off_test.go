//go:build !race

package rotation

const racing = false
