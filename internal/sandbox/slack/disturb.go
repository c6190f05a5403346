package slack

import (
	"context"
	"time"
)

// How a delivery is disturbed.
type How string

// The disturbances. All of them have been seen with Slack.
const (
	Redeliver How = "redeliver"  // delivered once more although it was acknowledged
	Reorder   How = "reorder"    // held back until another envelope was delivered, or Limits.Hold
	CutBefore How = "cut before" // the socket breaks before the envelope is written
	CutAfter  How = "cut after"  // the socket breaks as soon as the envelope has arrived
	LoseAck   How = "lose ack"   // the acknowledgement never arrives
)

// Disturbance is something to go wrong with the next deliveries.
type Disturbance struct {
	// Kind is the envelope type it is for: slash_commands, interactive or
	// events_api; empty means any.
	Kind string
	How  How
	// Times is how many deliveries it disturbs; zero means one. A further
	// delivery of an event counts as a delivery.
	Times int
}

// Disturb adds a disturbance. Of several for one delivery, the one added first
// takes it.
func (s *Server) Disturb(d Disturbance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Times = max(d.Times, 1)
	s.disturbed = append(s.disturbed, d)
}

// disturbance takes the turn of the disturbance due for this kind; empty if
// there is none.
func (s *Server) disturbance(kind string) How {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.disturbed {
		d := &s.disturbed[i]
		if d.Times > 0 && (d.Kind == "" || d.Kind == kind) {
			d.Times--
			return d.How
		}
	}
	return ""
}

// waitToBeOvertaken returns when another envelope has been written.
func (s *Server) waitToBeOvertaken(ctx context.Context) {
	s.mu.Lock()
	written := s.written
	s.mu.Unlock()
	hold := time.NewTimer(s.lim.Hold)
	defer hold.Stop()
	select {
	case <-written:
	case <-hold.C:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}
