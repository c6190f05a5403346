package statetest

import "rekey/state/local"

// Memory is the store that a journal on disk is made of, without its file: for
// tests of what stands above package state.
type Memory = local.Memory

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory { return local.NewMemory() }
