package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/state"
)

// Batch is an emergency of several secrets at once: who cried, and the
// rotations that it has begun or is going to begin, in the order in which they
// may go. It changes no credential by itself; each rotation is an ordinary
// emergency with a record, a thread and a journal of its own.
//
// A rotation's id is in this record before the rotation exists. Whoever goes on
// after a crash finds the rotation of that id, or begins it with that id: it is
// begun once.
type Batch struct {
	ID        string `json:"id"`
	Requester Person `json:"requester"`
	Reason    string `json:"reason"`
	Tag       string `json:"tag,omitempty"` // of the secrets; "" is all
	// Secret is the only one of a batch that waits for another emergency of it to be
	// over: that of its other environment. "" is several secrets.
	Secret      string    `json:"secret,omitempty"`
	Environment string    `json:"env,omitempty"` // whose own credentials leaked; "" is production's
	Started     time.Time `json:"started"`
	Exposed     time.Time `json:"exposed,omitzero"`   // since when the secrets may have been known to others
	Contained   time.Time `json:"contained,omitzero"` // when the last old credential of a batch without failures was proved dead
	Ended       time.Time `json:"ended,omitzero"`     // when nothing moved any more
	CalledOff   bool      `json:"called_off,omitempty"`
	Shown       string    `json:"shown,omitempty"` // what people were last shown, as a hash
	Walked      time.Time `json:"walked,omitzero"` // when people were called to the consoles, on one list
	Members     []Member  `json:"members"`
	// Cards are the requests for approval that are about several rotations.
	Cards []Sheaf `json:"cards,omitempty"`
}

// Member is one secret of a batch.
type Member struct {
	Secret string `json:"secret"`
	// Environment is whose own credential is meant; "" is production's, or the shared one.
	Environment string    `json:"env,omitempty"`
	Title       string    `json:"title"`              // of its service
	After       []string  `json:"after,omitempty"`    // secrets whose old credential must be dead first
	Beside      []string  `json:"beside,omitempty"`   // secrets of the same service that must have come to rest first
	Over        []string  `json:"over,omitempty"`     // secrets of the same account, whose rotations must be over first
	Rotation    string    `json:"rotation,omitempty"` // id; reserved before there is one
	Begun       bool      `json:"begun,omitempty"`    // it exists
	Refused     bool      `json:"refused,omitempty"`  // it will not be begun; Why
	Second      bool      `json:"second,omitempty"`   // Rekey stands on it: people begin it, by the path in Why
	Why         string    `json:"why,omitempty"`      // sentence for people: refused, or what it waits for
	Tries       int       `json:"tries,omitempty"`    // failed attempts to begin it
	Again       time.Time `json:"again,omitzero"`     // the next attempt
}

// Key is the batch's key in the store.
func (b *Batch) Key() string { return batchPrefix + b.ID }

// Whole is what a batch is about, for people.
func (b *Batch) Whole() string {
	own := ""
	if b.Environment == Staging {
		own = ", staging's own key where it has one"
	}
	switch {
	case b.Secret != "":
		return b.Secret + " in " + b.Environment
	case b.Tag == "":
		return "every secret" + own
	default:
		return "every secret with the tag " + b.Tag + own
	}
}

// batchPrefix begins the keys of batches, as recordPrefix those of rotations.
const batchPrefix = "batch/"

// IsBatch reports whether a key of the store is a batch's.
func IsBatch(key string) bool { return strings.HasPrefix(key, batchPrefix) }

// BatchHint names the hint that is left when a batch has gone on: whoever shows
// it to people looks at it again. It is stored.
func BatchHint(key string) string { return "batch " + key }

// batchVersion is the stored form written by this program; the rule for the
// next one is that of rotations.
const batchVersion = 1

type storedBatch struct {
	V     int    `json:"v"`
	Batch *Batch `json:"batch"`
}

func encodeBatch(b *Batch) ([]byte, error) {
	body, err := json.Marshal(storedBatch{V: batchVersion, Batch: b})
	if err != nil {
		return nil, fmt.Errorf("encoding batch %s: %w", b.ID, err)
	}
	return body, nil
}

func decodeBatch(key string, body []byte) (*Batch, error) {
	var s storedBatch
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", key, err)
	}
	switch {
	case s.V != batchVersion:
		return nil, fmt.Errorf("decoding %s: stored form %d is not known to this program (it knows %d)", key, s.V, batchVersion)
	case s.Batch == nil || s.Batch.ID == "" || len(s.Batch.Members) == 0:
		return nil, fmt.Errorf("decoding %s: it is not a whole batch", key)
	}
	return s.Batch, nil
}

// Batch returns one batch with its rotations as they are now.
func (e *Engine) Batch(ctx context.Context, key string) (*Progress, error) {
	record, err := e.config.Store.Load(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", key, err)
	}
	b, err := decodeBatch(key, record.Body)
	if err != nil {
		return nil, err
	}
	return e.progress(ctx, b)
}

// Batches lists the open batches, oldest first. One that cannot be read is left
// out: [Engine.Unreadable] names it.
func (e *Engine) Batches(ctx context.Context) ([]*Progress, error) {
	records, err := e.config.Store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing open batches: %w", err)
	}
	var all []*Progress
	for _, record := range records {
		if !IsBatch(record.Key) || record.Bad != nil {
			continue
		}
		b, err := decodeBatch(record.Key, record.Body)
		if err != nil {
			continue
		}
		p, err := e.progress(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// progress looks at the rotations of a batch.
func (e *Engine) progress(ctx context.Context, b *Batch) (*Progress, error) {
	open, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	p := &Progress{Batch: b}
	for i := range b.Members {
		m := &b.Members[i]
		row := Part{Member: m}
		if m.Begun {
			if row.Rotation, err = e.among(ctx, open, m.Rotation); err != nil {
				return nil, err
			}
		}
		row.stand()
		p.Parts = append(p.Parts, row)
	}
	return p, nil
}

// among finds a rotation by its id: among those that are open, else in the
// store; nil where there is none any more.
func (e *Engine) among(ctx context.Context, open []*Rotation, id string) (*Rotation, error) {
	for _, r := range open {
		if r.ID == id {
			return r, nil
		}
	}
	r, err := e.Load(ctx, recordKey(id))
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	return r, err
}
