package slack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"
)

// Errors of a delivery, named as the person sees them.
var (
	// ErrNotConnected: no socket took the envelope.
	ErrNotConnected = errors.New("dispatch_failed")
	// ErrOperationTimeout: the app did not acknowledge in time.
	ErrOperationTimeout = errors.New("operation_timeout")
)

const (
	keptDeliveries = 4096 // remembered, to recognise late and double acknowledgements
	keptEvents     = 1024 // waiting for their first delivery
)

// The envelope types.
const (
	kindSlash       = "slash_commands"
	kindInteractive = "interactive"
	kindEvent       = "events_api"
)

// envelope is what is to be delivered, once or several times.
type envelope struct {
	kind    string
	payload fields
	id      string // of the first delivery
}

// delivery is one writing of an envelope to one socket.
type delivery struct {
	id      string
	sock    *socket
	frame   fields
	accepts bool // the acknowledgement may carry a payload
	lose    bool // the acknowledgement is to be ignored
	state   deliveryState
	sentAt  time.Time
	done    chan json.RawMessage // the acknowledgement's payload, once
}

type deliveryState int

const (
	waiting deliveryState = iota
	acked
	over // the time is up
)

func newID() string { return rand.Text() }

// send writes an envelope to one of the open sockets, as the attempt given. If
// one is to go wrong, it goes wrong here.
func (s *Server) send(e envelope, attempt int, how How) (*delivery, error) {
	d, err := s.begin(e, attempt, how)
	if err != nil {
		return nil, err
	}
	if how == CutBefore {
		s.drop(d.sock)
	}
	if err := d.sock.write(s.ctx, d.frame); err != nil {
		s.end(d)
		return nil, ErrNotConnected
	}
	s.mu.Lock()
	close(s.written)
	s.written = make(chan struct{})
	s.wakeLocked()
	s.mu.Unlock()
	if how == CutAfter {
		_ = s.pong(s.ctx, d.sock) // answered only after the envelope was read
		s.drop(d.sock)
	}
	return d, nil
}

// begin picks a socket and expects an acknowledgement from it.
func (s *Server) begin(e envelope, attempt int, how How) (*delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.pickLocked()
	if !ok {
		return nil, ErrNotConnected
	}
	d := &delivery{
		id: e.id, sock: k, accepts: e.kind != kindEvent, lose: how == LoseAck,
		sentAt: time.Now(), done: make(chan json.RawMessage, 1),
	}
	if attempt > 0 && !s.cfg.SameEnvelope {
		d.id = newID()
	}
	d.frame = fields{
		"envelope_id": d.id, "type": e.kind, "payload": e.payload, "accepts_response_payload": d.accepts,
	}
	if e.kind == kindEvent {
		d.frame["retry_attempt"], d.frame["retry_reason"] = attempt, ""
		if attempt > 0 {
			d.frame["retry_reason"] = "timeout"
		}
	}
	s.stats.Sent++
	s.deliveries[d.id] = d
	s.delivered = append(s.delivered, d.id)
	if len(s.delivered) > keptDeliveries {
		delete(s.deliveries, s.delivered[0])
		s.delivered = s.delivered[1:]
	}
	return d, nil
}

// end stops waiting for an acknowledgement; one that comes later is late.
func (s *Server) end(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.state == waiting {
		d.state = over
	}
}

// await returns the acknowledgement's payload, or an error when it did not come
// in time.
func (s *Server) await(ctx context.Context, d *delivery) (json.RawMessage, error) {
	limit := time.NewTimer(time.Until(d.sentAt.Add(s.lim.Ack)))
	defer limit.Stop()
	defer s.end(d)
	select {
	case payload := <-d.done:
		return payload, nil
	case <-limit.C:
		return nil, ErrOperationTimeout
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.ctx.Done():
		return nil, ErrClosed
	}
}

// acknowledge takes one frame of the app's.
func (s *Server) acknowledge(k *socket, frame []byte) {
	var a struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	err := json.Unmarshal(frame, &a)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wakeLocked()
	d, known := s.deliveries[a.EnvelopeID]
	switch {
	case err != nil, !known, len(frame) >= maxAck:
		s.stats.Invalid++
	case d.state == acked:
		s.stats.Double++
	case d.sock != k:
		s.stats.Foreign++
	case d.state == over:
		s.stats.Late++
		s.stats.sample(time.Since(d.sentAt))
	case d.lose:
	default:
		s.acceptLocked(d, a.Payload)
	}
}

func (s *Server) acceptLocked(d *delivery, payload json.RawMessage) {
	if string(payload) == "null" {
		payload = nil
	}
	if payload != nil && !d.accepts {
		s.stats.Invalid++ // acknowledges all the same
		payload = nil
	}
	d.state = acked
	s.stats.Acked++
	s.stats.sample(time.Since(d.sentAt))
	s.noteLocked(Change{Kind: Acknowledged})
	d.done <- payload
}

// ask delivers a slash command or a click once and waits for the answer. The
// person sees the error; nothing is sent again.
func (s *Server) ask(ctx context.Context, kind string, payload fields) (json.RawMessage, time.Duration, error) {
	e := envelope{kind: kind, payload: payload, id: newID()}
	how := s.disturbance(kind)
	if how == Reorder {
		s.waitToBeOvertaken(ctx)
	}
	d, err := s.send(e, 0, how)
	var answer json.RawMessage
	var took time.Duration
	if err == nil {
		answer, err = s.await(ctx, d)
		took = time.Since(d.sentAt)
		if how == Redeliver {
			s.copy(ctx, d)
		}
	}
	if err != nil {
		s.mu.Lock()
		s.stats.Unacked++
		s.stats.Failed++
		s.wakeLocked()
		s.mu.Unlock()
	}
	return answer, took, err
}

// copy writes the same frame once more, to any socket.
func (s *Server) copy(ctx context.Context, d *delivery) {
	s.mu.Lock()
	k, ok := s.pickLocked()
	s.mu.Unlock()
	if ok && k.write(ctx, d.frame) == nil {
		s.mu.Lock()
		s.stats.Sent++
		s.mu.Unlock()
	}
}
