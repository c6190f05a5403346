package page

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/slack"
)

//go:embed assets
var embedded embed.FS

// Options say what a page shows. Slack, Look and Count are required.
type Options struct {
	Slack   *slack.Server
	Channel string   // id of the one channel shown
	Cast    []Person // who one may act as, the first at the start
	Groups  map[string]string
	Secrets []string // names offered after /rotate
	// Kinds and Services are what the fault switches offer.
	Kinds, Services []string

	Look  func() World // consoles, without any value
	Count func() []Load
	// Issued lists every secret value there is, to be masked; nil means none.
	Issued func() []string
	// Every is the pause between two looks at the consoles; 500 ms if zero.
	Every time.Duration
}

// Page is one page with all its readers. Use New, and Run it.
type Page struct {
	o      Options
	mux    *http.ServeMux
	story  *story
	wanted chan struct{} // closed when the first reader comes
	want   sync.Once
	ready  chan struct{} // closed when there is a picture
	ended  chan struct{} // closed when Run returns
	seats  chan struct{} // bounds the readers
}

// maxReaders is how many streams may be open at once.
const maxReaders = 32

// New returns a page. It shows nothing until Run is called.
func New(o Options) *Page {
	if o.Every <= 0 {
		o.Every = 500 * time.Millisecond
	}
	p := &Page{
		o: o, mux: http.NewServeMux(), wanted: make(chan struct{}), ready: make(chan struct{}), ended: make(chan struct{}),
		seats: make(chan struct{}, maxReaders),
	}
	p.story = newStory(o)
	p.routes()
	return p
}

// ServeHTTP serves the document at /, and below /page/ its parts and the stream.
func (p *Page) ServeHTTP(out http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(out, r) }

// Run follows the world until ctx ends. Nothing is looked at before the first
// reader comes: a world without spectators pays nothing.
func (p *Page) Run(ctx context.Context) {
	defer close(p.ended)
	select {
	case <-p.wanted:
	case <-ctx.Done():
		return
	}
	changes := p.o.Slack.Subscribe(ctx) // before the first picture, so that nothing falls between
	p.story.begin(p.o.Slack.Snapshot())
	p.look(time.Now())
	close(p.ready)
	tick := time.NewTicker(p.o.Every)
	defer tick.Stop()
	for {
		select {
		case c, open := <-changes:
			if !open {
				return
			}
			p.follow(c)
		case now := <-tick.C:
			p.look(now)
		case <-ctx.Done():
			return
		}
	}
}

// follow takes one change of the workspace over.
func (p *Page) follow(c slack.Change) {
	switch c.Kind {
	case slack.Posted, slack.Edited, slack.Whispered, slack.Reacted, slack.Unreacted:
		p.story.put(c.Message)
	case slack.Deleted:
		p.story.remove(c.Message)
	case slack.Viewed:
		p.story.view(c.View)
	case slack.Unviewed:
		p.story.unview(c.View)
	case slack.Missed:
		p.story.begin(p.o.Slack.Snapshot())
	case slack.Connected, slack.Disconnected:
		p.look(time.Now())
	}
}

// look takes the consoles and counters as they are now.
func (p *Page) look(now time.Time) {
	p.story.see(p.o.Look(), p.o.Count(), p.o.Slack.Snapshot().Sockets, now)
}

func (p *Page) routes() {
	files, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic("page: " + err.Error()) // unreachable: the folder is embedded
	}
	serve, first := http.FileServerFS(files), document(files)
	p.mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, r *http.Request) {
		headers(out)
		http.ServeContent(out, r, "page.html", time.Time{}, bytes.NewReader(first))
	})
	p.mux.Handle("GET /page/", http.StripPrefix("/page/", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		headers(out)
		serve.ServeHTTP(out, r)
	})))
	p.mux.HandleFunc("GET /page/stream", p.stream)
	p.mux.HandleFunc("GET /page/files/{id}", p.file)
}

// document is the page with all its modules named at the top, so that the
// browser asks for them at once and not import by import.
func document(files fs.FS) []byte {
	text, err := fs.ReadFile(files, "page.html")
	if err != nil {
		panic("page: " + err.Error()) // unreachable: the file is embedded
	}
	names, err := fs.Glob(files, "*.js")
	if err != nil {
		panic("page: " + err.Error()) // unreachable: the pattern is well formed
	}
	var links bytes.Buffer
	for _, name := range names {
		_, _ = fmt.Fprintf(&links, "<link rel=\"modulepreload\" href=\"/page/%s\">\n", name) // a bytes.Buffer takes everything
	}
	const before = "<script type=\"module\""
	return bytes.Replace(text, []byte(before), append(links.Bytes(), before...), 1)
}

// policy lets the document load its own parts and pictures of this machine,
// and lets no script make markup of text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' data: http://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

func headers(out http.ResponseWriter) {
	h := out.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // the next run on this port is another program
}
