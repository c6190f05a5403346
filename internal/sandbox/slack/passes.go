package slack

import (
	"crypto/rand"
	"errors"
	"time"
)

// Reasons for refusing a pass.
var (
	errPassUnknown = errors.New("unknown")
	errPassExpired = errors.New("expired")
	errPassSpent   = errors.New("used up")
)

// pass is a short-lived right: a Socket Mode ticket, a trigger_id, a
// response_url, an upload address. They differ in how long they live and how often they serve.
type pass struct {
	kind  passKind
	uses  int // left
	until time.Time
	from  origin
}

type passKind string

const (
	passTicket   passKind = "ticket"
	passTrigger  passKind = "trigger"
	passResponse passKind = "response"
	passUpload   passKind = "upload"
)

// origin is what a pass was handed out for: the interaction that a response_url
// answers, the file that an address takes.
type origin struct {
	channel, user string
	message       *Message // what was clicked; nil for a slash command
	file          string   // id of the file announced, for an upload address
}

// keptPasses bounds the passes remembered; the oldest are forgotten first.
const keptPasses = 4096

// issueLocked makes a pass and returns its unguessable id.
func (s *Server) issueLocked(p pass, life time.Duration) string {
	id := rand.Text()
	p.until = time.Now().Add(life)
	s.passes[id] = &p
	s.passOrder = append(s.passOrder, id)
	if len(s.passOrder) > keptPasses {
		delete(s.passes, s.passOrder[0])
		s.passOrder = s.passOrder[1:]
	}
	return id
}

// spendLocked uses a pass once.
func (s *Server) spendLocked(kind passKind, id string) (origin, error) {
	p, ok := s.passes[id]
	switch {
	case !ok || p.kind != kind:
		return origin{}, errPassUnknown
	case p.uses == 0:
		return origin{}, errPassSpent
	case time.Now().After(p.until):
		return origin{}, errPassExpired
	}
	p.uses--
	return p.from, nil
}

// SpendTrigger uses a trigger_id as opening a modal would. The error is Slack's
// code: trigger_expired, trigger_exchanged or invalid_trigger_id.
func (s *Server) SpendTrigger(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.exchangeLocked(id)
	return err
}

// exchangeLocked uses a trigger_id and tells whose it was.
func (s *Server) exchangeLocked(id string) (origin, error) {
	from, err := s.spendLocked(passTrigger, id)
	switch {
	case errors.Is(err, errPassExpired):
		return from, refuse("trigger_expired")
	case errors.Is(err, errPassSpent):
		return from, refuse("trigger_exchanged")
	case err != nil:
		return from, refuse("invalid_trigger_id")
	}
	return from, nil
}
