package upstash

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2/server"
)

// door is where one database speaks the Redis protocol over TLS.
type door struct {
	listener *server.Server

	mu    sync.Mutex
	inner map[*server.Peer]string // who is logged in
}

// Open lets every database speak the Redis protocol on a port of the loopback.
func (s *Server) Open() error {
	for _, d := range s.databases {
		l, err := server.NewServerTLS("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.authority.leaf}, MinVersion: tls.VersionTLS12})
		if err != nil {
			return fmt.Errorf("opening database %s: %w", d.name, err)
		}
		d.door = &door{listener: l, inner: map[*server.Peer]string{}}
		l.SetPreHook(func(p *server.Peer, command string, args ...string) bool {
			s.hear(d, p, append([]string{command}, args...))
			return true
		})
	}
	return nil
}

// Close ends what Open began.
func (s *Server) Close() {
	for _, d := range s.databases {
		if d.door != nil {
			d.door.listener.Close()
		}
	}
}

// Address is where a database speaks the Redis protocol, host:port.
func (s *Server) Address(database string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.byNameLocked(database); d.door != nil {
		return d.door.listener.Addr().String()
	}
	return ""
}

// hear answers one command of a connection.
func (s *Server) hear(d *database, p *server.Peer, words []string) {
	if words[0] == "AUTH" {
		s.login(d, p, words[1:])
		return
	}
	who := d.door.who(p)
	if who == "" {
		p.WriteError("NOAUTH Authentication required.")
		return
	}
	a, writes := s.do(d, who, words)
	for _, w := range writes {
		s.wrote(w)
	}
	if len(words) > 1 && a.kind != '-' && s.lost(strings.ToUpper(words[1])) {
		p.Close()
		return
	}
	a.write(p)
}

func (s *Server) login(d *database, p *server.Peer, args []string) {
	name, password := "default", ""
	switch len(args) {
	case 1:
		password = args[0]
	case 2:
		name, password = args[0], args[1]
	}
	s.mu.Lock()
	known := d.knows(name, password)
	s.mu.Unlock()
	if !known {
		p.WriteError(wrongPass)
		return
	}
	d.door.admit(p, name)
	p.WriteInline("OK")
}

func (a answer) write(p *server.Peer) {
	switch a.kind {
	case '+':
		p.WriteInline(a.text)
	case '$':
		p.WriteBulk(a.text)
	case ':':
		p.WriteInt(a.number)
	case '*':
		p.WriteLen(len(a.list))
		for _, text := range a.list {
			p.WriteBulk(text)
		}
	case '0':
		p.WriteNull()
	default:
		p.WriteError(a.text)
	}
}

func (d *door) who(p *server.Peer) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inner[p]
}

func (d *door) admit(p *server.Peer, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner[p] == "" {
		p.OnDisconnect(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.inner, p)
		})
	}
	d.inner[p] = name
}

// hangUp makes the connections of a user strangers, as a server does that closes
// them: the next command is not carried out.
func (d *door) hangUp(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, who := range d.inner {
		if who == name {
			delete(d.inner, p)
			p.Close()
		}
	}
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
