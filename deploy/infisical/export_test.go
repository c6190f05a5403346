package infisical

import "time"

// SetClock gives the vault another clock, for the life of its tokens.
func SetClock(v *Vault, now func() time.Time) { v.keeper.now = now }

// The functions that decide about values.
var (
	Unfit    = unfit
	AsStored = asStored
)
