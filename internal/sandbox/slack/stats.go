package slack

import (
	"slices"
	"time"
)

// keptLatencies bounds the samples kept of acknowledgement times.
const keptLatencies = 4096

// Stats counts deliveries over Socket Mode since the server was made.
type Stats struct {
	Opened  int // sockets ever opened
	Sent    int // envelopes given to a socket, retries included
	Acked   int // acknowledged in time
	Late    int // acknowledged after the limit; worthless
	Unacked int // deliveries whose time passed without one, or that no socket took
	Retried int // further deliveries of an event
	Lost    int // events given up after all retries
	Failed  int // slash commands and clicks that were not acknowledged in time
	Double  int // acknowledged once more
	Foreign int // acknowledged on another socket than asked; does not count
	Invalid int // frames that acknowledge nothing: unknown id, not JSON, too big, payload not allowed

	// Latencies of acknowledgements, in time and late, newest last.
	Latencies []time.Duration
}

func (t Stats) clone() Stats {
	t.Latencies = slices.Clone(t.Latencies)
	return t
}

func (t *Stats) sample(d time.Duration) {
	t.Latencies = append(t.Latencies, d)
	if len(t.Latencies) > keptLatencies {
		t.Latencies = slices.Clone(t.Latencies[keptLatencies/2:])
	}
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats.clone()
}
