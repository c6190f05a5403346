package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/sandbox/wire"
)

const (
	// maxAck is the size from which Slack ignores an acknowledgement.
	// https://github.com/slack-go/slack/blob/v0.35.0/socketmode/socketmode.go
	maxAck = 20 << 10

	// maxFrame is what is read of a frame at all.
	maxFrame = 1 << 20

	// writeTimeout bounds one write to an app that does not read.
	writeTimeout = 5 * time.Second
)

// socket is one open Socket Mode connection.
type socket struct {
	conn    *websocket.Conn
	leaving bool // was told to go; gets no more envelopes
	greeted chan struct{}
}

// write sends one JSON frame, but none before the greeting.
func (k *socket) write(ctx context.Context, v any) error {
	<-k.greeted
	return k.writeNow(ctx, v)
}

func (k *socket) writeNow(ctx context.Context, v any) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	frame, err := json.Marshal(v)
	if err != nil {
		return err // unreachable: frames are made of plain values
	}
	return k.conn.Write(ctx, websocket.MessageText, frame)
}

// openConnection hands out an address that can be dialled once.
func (s *Server) openConnection(c call) (fields, error) {
	s.base = "http://" + c.host
	ticket := s.issueLocked(pass{kind: passTicket, uses: 1}, s.lim.Ticket)
	return fields{"url": "ws://" + c.host + "/socket?ticket=" + ticket + "&app_id=" + s.cfg.AppID}, nil
}

// serveSocket runs one connection until either side ends it.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if err := s.admit(r.URL.Query().Get("ticket")); err != nil {
		http.Error(w, "ticket "+err.Error(), http.StatusUnauthorized)
		return
	}
	defer s.wg.Done()
	// Clients name Slack as their origin, not us.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }() // it is closed already when all went well
	conn.SetReadLimit(maxFrame)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()

	k := &socket{conn: conn, greeted: make(chan struct{})}
	n := s.list(k)
	if n == 0 {
		_ = k.writeNow(ctx, disconnectFrame("too_many_websockets"))
		_ = conn.Close(websocket.StatusNormalClosure, "")
		return
	}
	defer s.forget(k)
	err = k.writeNow(ctx, fields{
		"type": "hello", "num_connections": n,
		"connection_info": fields{"app_id": s.cfg.AppID},
		"debug_info":      fields{"host": "applink-sandbox", "build_number": 1, "approximate_connection_time": 3600},
	})
	close(k.greeted)
	if err != nil {
		return
	}
	var pings sync.WaitGroup
	pings.Go(func() { s.ping(ctx, k) })
	s.read(ctx, k)
	cancel()
	pings.Wait()
}

// admit uses up a ticket and makes Close wait for its holder.
func (s *Server) admit(ticket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	if _, err := s.spendLocked(passTicket, ticket); err != nil {
		return err
	}
	s.wg.Add(1)
	return nil
}

// list adds a socket to those that get envelopes and returns how many there are
// now, or zero if it is one too many. It is listed before it is greeted, so that
// an app that has been greeted misses nothing.
func (s *Server) list(k *socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets) >= s.lim.Sockets {
		return 0
	}
	s.sockets = append(s.sockets, k)
	s.stats.Opened++
	s.noteLocked(Change{Kind: Connected})
	return len(s.sockets)
}

func disconnectFrame(reason string) fields {
	return fields{"type": "disconnect", "reason": reason, "debug_info": fields{"host": "applink-sandbox"}}
}

// forget takes a socket out of the list; it may be out already.
func (s *Server) forget(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(k)
}

func (s *Server) forgetLocked(k *socket) {
	if i := slices.Index(s.sockets, k); i >= 0 {
		s.sockets = slices.Delete(s.sockets, i, i+1)
		s.noteLocked(Change{Kind: Disconnected})
	}
}

// ping keeps the connection alive in the app's eyes, and ends it when the app
// does not answer.
func (s *Server) ping(ctx context.Context, k *socket) {
	if s.lim.Ping <= 0 {
		return
	}
	tick := time.NewTicker(s.lim.Ping)
	defer tick.Stop()
	for {
		if s.pong(ctx, k) != nil {
			_ = k.conn.CloseNow()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) pong(ctx context.Context, k *socket) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return k.conn.Ping(ctx)
}

// read takes acknowledgements until the connection ends. Every frame is kept
// like a request.
func (s *Server) read(ctx context.Context, k *socket) {
	for {
		_, frame, err := k.conn.Read(ctx)
		if err != nil {
			return
		}
		s.Requests.Record(wire.Request{Time: time.Now(), Method: "SOCKET", Path: "/socket", Body: frame})
		s.acknowledge(k, frame)
	}
}

// pickLocked chooses the socket for the next envelope: any one, in turn.
func (s *Server) pickLocked() (*socket, bool) {
	for range s.sockets {
		s.turn++
		if k := s.sockets[s.turn%len(s.sockets)]; !k.leaving {
			return k, true
		}
	}
	return nil, false
}

// Refresh tells every open socket to go with this reason ("warning",
// "refresh_requested", "link_disabled") and closes it after Limits.Warning if
// the app has not done so. It returns how many were told.
func (s *Server) Refresh(reason string) int {
	s.mu.Lock()
	told := slices.Clone(s.sockets)
	for _, k := range told {
		k.leaving = true
	}
	s.mu.Unlock()
	for _, k := range told {
		if k.write(s.ctx, disconnectFrame(reason)) != nil {
			continue // gone already
		}
		s.spawn(func() {
			s.pause(s.lim.Warning)
			_ = k.conn.CloseNow()
		})
	}
	return len(told)
}

// DropSockets cuts every open socket without a word and returns how many.
func (s *Server) DropSockets() int {
	s.mu.Lock()
	cut := slices.Clone(s.sockets)
	for _, k := range cut {
		s.forgetLocked(k)
	}
	s.mu.Unlock()
	for _, k := range cut {
		_ = k.conn.CloseNow()
	}
	return len(cut)
}

// drop cuts one socket.
func (s *Server) drop(k *socket) {
	s.forget(k)
	_ = k.conn.CloseNow()
}

// SendFrame writes any text to one open socket: an envelope type nobody knows,
// broken JSON.
func (s *Server) SendFrame(ctx context.Context, frame string) error {
	s.mu.Lock()
	k, ok := s.pickLocked()
	s.mu.Unlock()
	if !ok {
		return ErrNotConnected
	}
	<-k.greeted
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return k.conn.Write(ctx, websocket.MessageText, []byte(frame))
}
