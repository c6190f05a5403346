package signed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
)

// Where the desk is asked.
const (
	statementPath = "/v1/statement"
	readyPath     = "/v1/ready"
)

// Bounds of what is read, and of how many ask at once.
const (
	maxBody   = 64 << 10
	mostAsked = 16
)

// The answers of HTTP.
const (
	statusUnread    = http.StatusBadRequest
	statusForbidden = http.StatusForbidden
	statusTaken     = http.StatusConflict
	statusUntold    = http.StatusServiceUnavailable
)

const unixPrefix = "unix:"

// Listen opens the place of the desk: "unix:" and a path, or host and port. A
// socket that nobody answers at any more is taken over; one that somebody
// answers at is left to them.
func Listen(ctx context.Context, at string) (net.Listener, error) {
	path, local := strings.CutPrefix(at, unixPrefix)
	var config net.ListenConfig
	if !local {
		l, err := config.Listen(ctx, "tcp", at)
		if err != nil {
			return nil, fmt.Errorf("listening for the command line: %w", err)
		}
		return l, nil
	}
	if err := abandoned(ctx, path); err != nil {
		return nil, fmt.Errorf("listening for the command line: %w", err)
	}
	l, err := config.Listen(ctx, "unix", path)
	if err == nil {
		// Its owner and group may connect; who may do what, signatures say.
		if err = os.Chmod(path, 0o660); err != nil {
			err = errors.Join(err, l.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listening for the command line: %w", err)
	}
	return l, nil
}

// abandoned removes a socket that a process left behind which is gone.
func abandoned(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	var dialer net.Dialer
	if c, err := dialer.DialContext(ctx, "unix", path); err == nil {
		return errors.Join(fmt.Errorf("another process listens at %s", path), c.Close())
	}
	return os.Remove(path)
}

// Serve answers at a place until ctx ends, then lets answers under way end. It
// closes the listener.
func (d *Desk) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler: d.handler(), ReadHeaderTimeout: d.config.Timeout, ReadTimeout: d.config.Timeout,
		WriteTimeout: d.config.Answer + 2*d.config.Timeout, IdleTimeout: d.config.Timeout, MaxHeaderBytes: 8 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("answering the command line: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.config.Timeout)
	defer cancel()
	if err := s.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("answering the command line: %w", err), s.Close())
	}
	return nil
}

func (d *Desk) handler() http.Handler {
	asked := make(chan struct{}, mostAsked)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+readyPath, d.ready)
	mux.HandleFunc("POST "+statementPath, func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
			defer func() { <-asked }()
			d.statement(w, r)
		default:
			d.write(w, statusUntold, Answer{Title: "Not now", Lines: []string{"Too many ask at once. Nothing was done. Try again in a moment."}, Failed: true})
		}
	})
	return mux
}

// Readiness is what anybody who reaches the desk may know.
type Readiness struct {
	Installation string `json:"installation"`
	Slack        string `json:"slack"` // "connected", "not reached"
}

func (d *Desk) ready(w http.ResponseWriter, _ *http.Request) {
	r := Readiness{Installation: d.config.Installation, Slack: "not reached"}
	if d.config.Chat.Connected() {
		r.Slack = "connected"
	}
	d.write(w, http.StatusOK, r)
}

func (d *Desk) statement(w http.ResponseWriter, r *http.Request) {
	var p Parcel
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&p); err != nil {
		d.write(w, statusUnread, untakenAnswer(notRead))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), d.config.Answer)
	defer cancel()
	a, no := d.take(ctx, p)
	if no != nil {
		d.config.Log.Warn("a statement was not taken", "status", no.status, "why", no.why, "error", no.cause)
		d.write(w, no.status, untakenAnswer(no.why))
		return
	}
	d.write(w, http.StatusOK, a)
}

func untakenAnswer(why string) Answer {
	return Answer{Title: "The statement was not taken", Lines: []string{why}, Failed: true}
}

func (d *Desk) write(w http.ResponseWriter, status int, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError) // unreachable: both kinds of answer have a form
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		d.config.Log.Debug("answering the command line", "error", err)
	}
}
