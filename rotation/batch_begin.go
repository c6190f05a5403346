package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rekey/internal/fault"
)

// enlistAll begins rotations beside each other, as many at once as this replica
// drives. Each has its own time, so that a service that does not answer holds up
// the others for no longer.
func (w *batchRun) enlistAll(ctx context.Context, ready []*Member) {
	free := make(chan struct{}, w.e.config.Drivers)
	var begun sync.WaitGroup
	for _, m := range ready {
		free <- struct{}{}
		begun.Go(func() {
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, w.e.config.BatchStart)
			defer cancel()
			w.enlist(ctx, m)
		})
	}
	begun.Wait()
}

// enlist begins one rotation, or finds that an earlier attempt has begun it.
func (w *batchRun) enlist(ctx context.Context, m *Member) {
	r, err := w.enlisted(ctx, m)
	if err == nil && r == nil {
		r, err = w.e.start(ctx, m.Secret, Order{
			Secret: m.Secret, Requester: w.b.Requester, Mode: Emergency, Reason: w.b.Reason, Exposed: w.b.Exposed, Environment: m.Environment, id: m.Rotation, batch: w.b.Key(),
		})
	}
	if err == nil {
		m.Rotation, m.Begun, m.Why, m.Again = r.ID, true, "", time.Time{}
		return
	}
	w.notBegun(ctx, m, err)
}

// start is Start behind what a panic of an adapter in a survey may do.
func (e *Engine) start(ctx context.Context, secret string, o Order) (r *Rotation, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.logPanic(secret, "beginning", p)
			err = &Refusal{Code: SurveyStopped, Sentence: "Rekey failed while it looked at " + secret + "; the cause is in its log. Nothing was changed."}
		}
	}()
	return e.Start(ctx, o)
}

// enlisted finds what an earlier attempt has begun: the rotation of the reserved
// id, or one that was open already and was taken over for this batch.
func (w *batchRun) enlisted(ctx context.Context, m *Member) (*Rotation, error) {
	open, err := w.e.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.Secret == m.Secret && r.Batch == w.b.Key() {
			return r, nil
		}
	}
	return w.e.among(ctx, nil, m.Rotation)
}

// adopt takes up what people have begun by themselves since a member was
// refused: a later emergency of that secret is its row.
func (w *batchRun) adopt(ctx context.Context) error {
	if !slices.ContainsFunc(w.b.Members, Member.adoptable) {
		return nil
	}
	open, err := w.e.Open(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		for i := range w.b.Members {
			if m := &w.b.Members[i]; m.adoptable() && m.Secret == r.Secret && r.Cell.Mode == Emergency && !r.Drill && r.Covers(m.Environment) {
				m.Rotation, m.Begun, m.Refused, m.Why, m.Again = r.ID, true, false, "", time.Time{}
			}
		}
	}
	return nil
}

// notBegun says why a rotation was not begun: for good, or until another time.
func (w *batchRun) notBegun(ctx context.Context, m *Member, err error) {
	var refusal *Refusal
	errors.As(err, &refusal)
	switch {
	case m.behind(refusal):
		m.Why, m.Again = "Waits for the emergency of "+refusal.Other.front()+"'s own key: one at a time.", time.Now().Add(w.e.config.BatchLook)
	case refusal != nil && refusal.Code == AlreadyRunning && refusal.Other != nil && refusal.Other.Cell.Mode == Emergency && refusal.Other.Secret == m.Secret:
		m.Rotation, m.Begun, m.Why, m.Again = refusal.Other.ID, true, "", time.Time{} // its emergency was called before
	case refusal != nil && !passing(ctx, refusal):
		m.Refused, m.Why = true, refusal.Sentence
	default:
		w.later(m, refusal, err)
	}
}

// passing reports a refusal that may not be one later.
func passing(ctx context.Context, r *Refusal) bool {
	if r.Code == Busy || r.Code == SlotTaken || ctx.Err() != nil {
		return true
	}
	f := fault.Of(r.Err)
	return r.Code == SurveyStopped && r.Err != nil && (f.Class == fault.Again || f.Class == fault.Lost)
}

// later puts a member off, ever longer; it is never given up by itself, because
// a key that has leaked stays leaked.
func (w *batchRun) later(m *Member, refusal *Refusal, err error) {
	m.Tries++
	wait := w.e.config.Retry.pause(m.Tries)
	why := "It could not be begun yet; the cause is in the log."
	if refusal != nil {
		why = refusal.Sentence
		if refusal.Err != nil {
			wait = max(wait, fault.Of(refusal.Err).RetryAfter)
		}
	}
	m.Again = time.Now().Add(wait)
	m.Why = fmt.Sprintf("%s Rekey tries again by itself.", why)
	w.e.config.Log.Warn("a rotation of a batch was not begun; trying again", "batch", w.b.ID, "secret", m.Secret, "pause", wait, "error", err)
}
