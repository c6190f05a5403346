package providertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

// Faults is a handler that lets requests through to a service until it is
// told to spoil them. Its own answers are hostile: they repeat the request's
// headers and body and every secret of the world.
type Faults struct {
	// Asks reports a request that changes nothing although its method is that of
	// a write; nil means that there is none.
	Asks func(r *http.Request) bool

	next   http.Handler
	repeat func() []secret.Value

	mu     sync.Mutex
	now    *Fault
	writes int           // spoiled requests that would have changed something
	met    chan struct{} // closed when a request hangs for the first time
	once   *sync.Once
}

// Before puts faults in front of a service.
func Before(service http.Handler) *Faults {
	return &Faults{next: service, repeat: func() []secret.Value { return nil }}
}

// Fault is one way in which a service, or the way to it, goes wrong.
type Fault struct {
	Name string
	// Read and Write are the classes that an adapter must give it.
	Read, Write fault.Class
	// Refuses tells that the answer is about the credential it was asked with.
	Refuses bool

	hangs bool
	serve func(f *Faults, w http.ResponseWriter, r *http.Request)
}

// Set spoils all requests from now on; nil heals the service.
func (f *Faults) Set(fault *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.writes, f.met, f.once = fault, 0, make(chan struct{}), &sync.Once{}
}

// spoiledWrites counts since the last Set.
func (f *Faults) spoiledWrites() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// hanging is closed when a request hangs for the first time since the last Set.
func (f *Faults) hanging() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met
}

// reads reports a request that changes nothing.
func (f *Faults) reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || f.Asks != nil && f.Asks(r)
}

// ServeHTTP lets the request through or spoils it.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	now := f.now
	if now != nil && !f.reads(r) {
		f.writes++
	}
	f.mu.Unlock()
	if now == nil {
		f.next.ServeHTTP(w, r)
		return
	}
	now.serve(f, w, r)
}

// told is the hostile text.
func (f *Faults) told(r *http.Request) string {
	var text strings.Builder
	body, _ := io.ReadAll(r.Body) // what cannot be read cannot be repeated
	fmt.Fprintf(&text, "%v %s %s", r.Header, r.URL, body)
	for _, v := range f.repeat() {
		fmt.Fprintf(&text, " %s", v.Reveal())
	}
	return text.String()
}

// LostAnswer lets the service act and then breaks the connection.
var LostAnswer = Fault{Name: "answer lost", Read: fault.Again, Write: fault.Lost,
	serve: func(f *Faults, _ http.ResponseWriter, r *http.Request) {
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}}

// lostToWrites is LostAnswer for requests that change something: an adapter may
// look before it writes.
var lostToWrites = Fault{Name: "answer to a write lost", Read: fault.Again, Write: fault.Lost,
	serve: func(f *Faults, w http.ResponseWriter, r *http.Request) {
		if f.reads(r) {
			f.next.ServeHTTP(w, r)
			return
		}
		LostAnswer.serve(f, w, r)
	}}

// Usual are the faults that the service meets before it acts.
func Usual() []Fault {
	return []Fault{
		status(400, fault.Never, fault.Never),
		status(401, fault.Ask, fault.Ask),
		status(403, fault.Ask, fault.Ask),
		status(404, fault.Ask, fault.Ask),
		status(409, fault.Ask, fault.Ask),
		status(422, fault.Never, fault.Never),
		status(429, fault.Again, fault.Again),
		status(500, fault.Again, fault.Lost),
		status(503, fault.Again, fault.Lost),
		{Name: "HTML with 200", Read: fault.Ask, Write: fault.Lost, serve: html},
		{Name: "50 MB", Read: fault.Ask, Write: fault.Lost, serve: huge},
		{Name: "no answer in time", Read: fault.Again, Write: fault.Lost, hangs: true, serve: hang},
		{Name: "connection closed", Read: fault.Again, Write: fault.Lost, serve: drop},
	}
}

func status(code int, read, write fault.Class) Fault {
	return Fault{
		Name: fmt.Sprintf("status %d", code), Read: read, Write: write,
		Refuses: code == http.StatusUnauthorized || code == http.StatusForbidden,
		serve: func(f *Faults, w http.ResponseWriter, r *http.Request) {
			text := f.told(r)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text)
		},
	}
}

func html(f *Faults, w http.ResponseWriter, r *http.Request) {
	text := f.told(r)
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<!doctype html><title>Back soon</title><pre>"+text)
}

func huge(f *Faults, w http.ResponseWriter, r *http.Request) {
	const size = 50 << 20
	chunk := []byte(strings.Repeat(" ", 1<<16) + f.told(r))
	for sent := 0; sent < size; sent += len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return // the client has had enough, as it should
		}
	}
}

// hang reports the request's arrival and then waits for the client to leave.
func hang(f *Faults, _ http.ResponseWriter, r *http.Request) {
	_ = f.told(r) // the server notices a leaving client once the body is read
	f.mu.Lock()
	met, once := f.met, f.once
	f.mu.Unlock()
	once.Do(func() { close(met) })
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func drop(f *Faults, _ http.ResponseWriter, r *http.Request) {
	_ = f.told(r)
	panic(http.ErrAbortHandler)
}
