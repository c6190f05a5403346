package rotation

import (
	"fmt"
	"time"
)

// moving reports that some environment may hold a credential of the kind that
// this rotation moves to, which the survey of the old ones would not know.
func (r *Rotation) moving() bool {
	for _, p := range r.Places {
		if r.Traits.Moves && p.New.ID != "" {
			return true
		}
	}
	return false
}

// outlived reports that the time for which an old credential lives on after its
// end has passed already: ending it again began no other one. An end that was
// asked for twice in a row, for want of an answer, is not one that has failed.
func (r *Rotation) outlived(e Ending) bool {
	if !r.Traits.Moves || e.Tries < 2 {
		return false
	}
	return e.From.IsZero() || time.Since(e.From) >= r.Traits.Waits.ProbeFirst
}

// counted notes from when on what was ended lives for a while, at the latest.
func (r *Rotation) counted(e *Ending) {
	if r.Traits.Moves && !r.outlived(*e) {
		e.From = e.Sent
	}
}

// early is for how long a credential whose end was asked for is left alone
// before its first probe.
func (r *Rotation) early(e Ending) time.Duration {
	if e.Probes > 0 || r.outlived(e) {
		return 0
	}
	return r.Traits.Waits.ProbeFirst - time.Since(e.Sent)
}

// thenProved says what comes after the end was asked for.
func (r *Rotation) thenProved(e Ending) string {
	if grace := r.Traits.Waits.Grace; r.Traits.Moves && grace > 0 && !r.outlived(e) {
		return fmt.Sprintf("It lives for %s more and then dies by itself, which nothing can hasten; Rekey proves it then.", span(grace))
	}
	return "Now to prove that it is dead."
}

// again says what follows when an old credential is still accepted.
func (r *Rotation) again() string {
	if r.Traits.Moves {
		return " Its end was asked for already; Rekey goes on looking."
	}
	return " Ending it again."
}
