package infisical

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rekey/deploy"
	"rekey/internal/fault"
)

// verdict is what a read-back shows of one name.
type verdict int

const (
	untouched verdict = iota // the old version
	written                  // the next version, with the new value
	altered                  // the next version, with another value
	foreign                  // another entry or a later version
)

func refusedToken(err error) bool { return errors.Is(err, errToken) }

// settle decides a write by reading back, whatever its answer was. sent is
// nil when the answer was as it should be.
func (v *Vault) settle(ctx context.Context, j *job, sent error) (map[string]deploy.Entry, error) {
	entries := make(map[string]deploy.Entry, len(j.items))
	count := map[verdict]int{}
	var facts []string
	for _, a := range j.items {
		got, err := v.readBack(ctx, j.place, a.Name)
		if err != nil {
			return nil, unsettled(err)
		}
		what := judge(a, got)
		count[what]++
		facts = append(facts, fmt.Sprintf("%s is at version %d", a.Name, got.Version))
		before := j.before[a.Name]
		entries[a.Name] = deploy.Entry{ID: got.ID, Name: a.Name, Version: got.Version, Value: got.Value,
			Metadata: got.Metadata, Made: before.made()}
	}
	switch {
	case count[altered] > 0 && sent == nil: // the version is ours by the answer, the value is not
		return nil, fault.New(opWrite, fault.NotWritten, joined(facts)+", without the value that was sent")
	case count[foreign]+count[altered] > 0:
		return nil, fault.New(opWrite, fault.ChangedByOther, joined(facts))
	case count[untouched] > 0:
		return nil, missing(sent, joined(facts), count[written] == 0)
	}
	if sent != nil {
		v.log.Warn("lost answer settled by reading back", "place", j.place.String(), "reason", fault.Of(sent).Reason)
	}
	v.noted(j, entries)
	return entries, v.sameKeys(ctx, j)
}

func (v *Vault) readBack(ctx context.Context, p Place, name string) (stored, error) {
	op := "reading " + name + " back from Infisical"
	return withSession(ctx, v.keeper, func(s *session) (stored, error) {
		return v.sdk.retrieve(ctx, s, op, p, name)
	})
}

// judge compares by entry id, version and value. The same value at a later
// version means that somebody wrote too, before us or after.
func judge(a deploy.Assignment, got stored) verdict {
	switch {
	case got.ID != a.ID:
		return foreign
	case got.Version == a.From:
		return untouched
	case got.Version == a.From+1 && same(got.Value, a.Value):
		return written
	case got.Version == a.From+1:
		return altered
	default:
		return foreign
	}
}

// unsettled is a write that was sent and could not be read back.
func unsettled(err error) error {
	f := fault.Of(err)
	return &fault.Error{Op: opWrite, Class: fault.Lost, Reason: f.Reason, Status: f.Status, RetryAfter: f.RetryAfter,
		Detail: "the write was sent and could not be read back", Err: err}
}

// missing says what a write is whose value has not appeared, or, where nothing
// is false, appeared in part. Whoever answered with a page or with something
// else than was asked for does not speak for the server behind: it may still be
// at work on the write, or keep it for approval.
func missing(sent error, facts string, nothing bool) error {
	f := &fault.Error{Op: opWrite, Reason: fault.NotWritten, Detail: facts, Err: sent}
	cause := fault.Of(sent)
	switch {
	case sent == nil:
	case refusedToken(sent) && nothing:
		f.Class = fault.Again
		return deploy.Unwritten(f)
	case refusedToken(sent):
	case cause.Reason == fault.NotWritten, cause.Reason == fault.Garbled, cause.Reason == fault.TooLarge:
		f.Class, f.Detail = fault.Lost, facts+"; the answer was not Infisical's, or not about this secret"
	default:
		f.Class, f.Reason, f.Status = fault.Lost, cause.Reason, cause.Status
	}
	return f
}

// sameKeys compares the names on the path with those before the write.
func (v *Vault) sameKeys(ctx context.Context, j *job) error {
	after, err := v.keys(ctx, opWrite, j.place)
	if err != nil {
		return unsettled(err)
	}
	var facts []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !j.keys[name] {
			facts = append(facts, shown(name)+" appeared")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.keys)) {
		if !after[name] {
			facts = append(facts, shown(name)+" vanished")
		}
	}
	if len(facts) == 0 {
		return nil
	}
	return fault.New(opWrite, fault.ChangedByOther, fmt.Sprintf("the value is written, but in %s %s", j.place, joined(facts)))
}

// noted warns when the server kept the value and dropped the note: the age of
// the value is then found by walking back through its versions.
func (v *Vault) noted(j *job, entries map[string]deploy.Entry) {
	for _, a := range j.items {
		for key, text := range a.Note {
			if entries[a.Name].Metadata[key] != text {
				v.log.Warn("note not kept by the server", "name", a.Name, "key", key)
			}
		}
	}
}
