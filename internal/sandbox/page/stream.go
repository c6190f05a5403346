package page

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// heartbeat keeps a quiet stream open and finds readers that are gone.
	heartbeat = 15 * time.Second
	// patience is how long a reader may take to take what it is sent.
	patience = 10 * time.Second
)

func (s *story) idLocked() string { return s.epoch + "-" + strconv.Itoa(s.seq) }

// resumed reads the id of the last event a browser saw. Anything else is a
// place that is not known.
func resumed(id string) place {
	epoch, seq, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(seq)
	if err != nil || n < 0 {
		return place{}
	}
	return place{epoch: epoch, seq: n}
}

// stream tells one reader the story until it leaves or the world ends.
func (p *Page) stream(out http.ResponseWriter, r *http.Request) {
	select {
	case p.seats <- struct{}{}:
		defer func() { <-p.seats }()
	default:
		http.Error(out, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	p.want.Do(func() { close(p.wanted) })
	select {
	case <-p.ready:
	case <-p.ended:
		http.Error(out, "the sandbox has ended", http.StatusServiceUnavailable)
		return
	case <-r.Context().Done():
		return
	}
	headers(out)
	out.Header().Set("Content-Type", "text/event-stream")
	w := writer{out: out, control: http.NewResponseController(out)}
	if w.write("retry: 1000\n\n") == nil {
		_ = p.tell(r, w) // the reader is gone; there is nobody to tell
	}
}

// tell writes the story from where the reader is.
func (p *Page) tell(r *http.Request, w writer) error {
	at := resumed(r.Header.Get("Last-Event-ID"))
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		news, next, changed := p.story.since(at)
		at = next
		for _, f := range news {
			if err := w.frame(f); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-beat.C:
			if err := w.write(": still here\n\n"); err != nil {
				return err
			}
		case <-r.Context().Done():
			return nil
		case <-p.ended:
			return nil
		}
	}
}

// writer writes to one reader and gives up on one that does not read.
type writer struct {
	out     http.ResponseWriter
	control *http.ResponseController
}

// frame writes one event. Its data is JSON and so holds no line break.
func (w writer) frame(f frame) error {
	id := ""
	if f.id != "" {
		id = "id: " + f.id + "\n"
	}
	return w.write(fmt.Sprintf("event: %s\n%sdata: %s\n\n", f.kind, id, f.data))
}

func (w writer) write(text string) error {
	if err := w.control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("bounding a write to a reader: %w", err)
	}
	if _, err := w.out.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing to a reader: %w", err)
	}
	if err := w.control.Flush(); err != nil {
		return fmt.Errorf("writing to a reader: %w", err)
	}
	return nil
}
