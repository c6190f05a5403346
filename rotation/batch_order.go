package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/rotation/event"
	"rekey/state"
)

// Alarm asks for an emergency of several secrets at once.
type Alarm struct {
	Tag       string // of the secrets; "" is all
	Requester Person
	Reason    string
	Exposed   time.Time // as in an [Order]
	// Environment is whose own credentials leaked, where secrets have one for each; ""
	// is production's.
	Environment string
	// Secret has one emergency wait for that of its other environment; "" is several.
	Secret string
}

// dependents are services whose old credential may end only when that of
// another is dead: the legacy keys of a Supabase project are tokens that its
// signing secret made, and a signing secret that is revoked takes them along.
var dependents = map[string][]string{"supabase-jwt": {"supabase-api-key"}}

// StartBatch begins an emergency of every secret, or of those with a tag. When
// it returns the batch is stored and will go on, on this replica or another.
// What cannot be rotated is a line of it and holds nothing else up.
func (e *Engine) StartBatch(ctx context.Context, a Alarm) (*Batch, error) {
	if a.Reason == "" {
		return nil, &Refusal{Code: NotNow, Sentence: "An emergency needs a reason: whoever approves has to know what happened."}
	}
	members, err := e.meant(a)
	if err != nil {
		return nil, err
	}
	b := &Batch{ID: newID(), Requester: a.Requester, Reason: a.Reason, Tag: a.Tag, Secret: a.Secret, Environment: a.Environment, Exposed: a.Exposed, Started: time.Now(), Members: members}
	body, err := encodeBatch(b)
	if err != nil {
		return nil, err
	}
	events, err := journalled([]event.Event{{Kind: event.Started, By: a.Requester.ID, Text: a.Reason, Facts: map[string]string{"secrets": strings.Join(b.names(), " ")}}})
	if err != nil {
		return nil, err
	}
	err = e.config.Store.Create(ctx, state.Creation{
		Key: b.Key(), Slots: []string{a.slot()}, Change: state.Change{Body: body, Events: events, Timer: time.Now()},
	})
	var taken *state.SlotError
	switch {
	case err == nil || e.batchArrived(ctx, b):
		return b, nil
	case errors.As(err, &taken):
		return nil, &Refusal{Code: AlreadyRunning, Err: err, Sentence: "An emergency of " + b.Whole() + " is open already; its message in the channel shows every secret of it. " +
			"`/rotate-emergency NAME what happened` begins with a single one."}
	default:
		return nil, fmt.Errorf("storing a new batch: %w", err)
	}
}

// batchArrived reports whether a batch is stored although creating it failed.
func (e *Engine) batchArrived(ctx context.Context, b *Batch) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	record, err := e.config.Store.Load(ctx, b.Key())
	if err != nil {
		return false
	}
	stored, err := decodeBatch(b.Key(), record.Body)
	return err == nil && stored.Requester == b.Requester && stored.Started.Equal(b.Started)
}

func (e *Engine) noMembers(tag string) error {
	if tag == "" {
		return &Refusal{Code: UnknownSecret, Sentence: "No secret is configured here."}
	}
	text := "No secret has that tag."
	if tags := e.tags(); len(tags) > 0 {
		text += " The tags here are: `" + strings.Join(tags, "`, `") + "`."
	} else {
		text += " The configuration gives none (`tags` of a secret)."
	}
	return &Refusal{Code: UnknownSecret, Sentence: text}
}

// tags are those that any secret has, in the order of their names.
func (e *Engine) tags() []string {
	var all []string
	for _, name := range e.names {
		all = append(all, e.subjects[name].Tags...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// members are the secrets of a batch in the order in which they may go: what
// others depend on is in front of them, and each waits for those of its own
// service that stand before it.
func (e *Engine) members(tag string) []Member {
	var chosen []Subject
	for _, name := range e.names {
		if s := e.subjects[name]; tag == "" || slices.ContainsFunc(s.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			chosen = append(chosen, s)
		}
	}
	slices.SortStableFunc(chosen, func(a, b Subject) int { return len(dependents[a.Service]) - len(dependents[b.Service]) })
	chosen, last := bySecondPath(chosen)
	all := make([]Member, 0, len(chosen)+len(last))
	for i, s := range chosen {
		m := Member{Secret: s.Name, Title: s.Title}
		for _, other := range chosen[:i] {
			switch {
			case slices.Contains(dependents[s.Service], other.Service):
				m.After = append(m.After, other.Name)
			case other.Title == s.Title:
				m.Beside = append(m.Beside, other.Name)
			}
			if shareSlot(other, s) {
				m.Over = append(m.Over, other.Name)
			}
		}
		all = append(all, m)
	}
	for _, s := range last {
		all = append(all, second(s))
	}
	return all
}

func shareSlot(a, b Subject) bool {
	return slices.ContainsFunc(a.Slots, func(slot string) bool { return slices.Contains(b.Slots, slot) })
}

func (b *Batch) names() []string {
	var all []string
	for _, m := range b.Members {
		all = append(all, m.Secret)
	}
	return all
}
