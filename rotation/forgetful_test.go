package rotation

import (
	"context"
	"errors"
	"time"

	"rekey/state"
)

// forgetful is a store whose renewals never get an answer.
type forgetful struct{ state.Leases }

func (forgetful) Renew(ctx context.Context, _ state.Lease, _ time.Duration) (state.Lease, error) {
	<-ctx.Done()
	return state.Lease{}, errors.New("no answer")
}
