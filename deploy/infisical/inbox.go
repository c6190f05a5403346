package infisical

import (
	"context"
	"fmt"

	"rekey/deploy"
	"rekey/internal/fault"
)

const opDiscard = "emptying the inbox in Infisical"

// Secluded implements [deploy.Inbox]. It asks a person (fault.Managed) when a
// secret sync carries the inbox away, or when it is imported by, or imports, a
// folder: then others read what people leave there.
func (v *Vault) Secluded(ctx context.Context, environment string) error {
	const op = "looking at the inbox in Infisical"
	p, err := v.inbox(op, environment)
	if err != nil {
		return err
	}
	switch name, to, err := v.sync(ctx, op, p); {
	case err != nil:
		return err
	case name != "":
		return fault.New(op, fault.Managed, fmt.Sprintf("the secret sync %q carries %s to %q", name, p, to))
	}
	own, err := v.imports(ctx, op, p)
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return fault.New(op, fault.Managed, fmt.Sprintf("%s imports %s", p, own[0]))
	}
	for _, reader := range v.places {
		theirs, err := v.imports(ctx, op, reader)
		if err != nil {
			return err
		}
		for _, from := range theirs {
			if from == p {
				return fault.New(op, fault.Managed, fmt.Sprintf("%s imports %s, so applications read what people leave there", reader, p))
			}
		}
	}
	return nil
}

// imports lists what a folder imports. One that does not exist is said to be
// missing by its place.
func (v *Vault) imports(ctx context.Context, op string, p Place) ([]Place, error) {
	out, err := withSession(ctx, v.keeper, func(s *session) (answer, error) {
		return v.v4.folder(ctx, s, op, p, listing{imports: true})
	})
	if fault.Is(err, fault.NotFound) {
		f := *fault.Of(err)
		f.Detail = fmt.Sprintf("make the folder %s", p)
		return nil, &f
	}
	var all []Place
	for _, i := range out.Imports {
		all = append(all, Place{Environment: i.Environment, Path: cleanPath(i.Path)})
	}
	return all, err
}

// Collect implements [deploy.Inbox]. An entry that was blanked is one without
// a value.
func (v *Vault) Collect(ctx context.Context, environment, name string) (deploy.Entry, error) {
	const op = "looking into the inbox in Infisical"
	p, err := v.inbox(op, environment, name)
	if err != nil {
		return deploy.Entry{}, err
	}
	got, err := withSession(ctx, v.keeper, func(s *session) (wireSecret, error) {
		return v.v4.get(ctx, s, op, ref{place: p, name: name})
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return deploy.Entry{}, absent(err, p, name)
	case err != nil:
		return deploy.Entry{}, err
	case got.hidden():
		return deploy.Entry{}, fault.New(op, fault.Managed, fmt.Sprintf("%s in %s is hidden from the machine identity: it needs the right to read values", name, p))
	}
	return got.entry(), nil
}

// Discard implements [deploy.Inbox]: one DELETE of what was read immediately
// before, and a fresh read that no longer finds it. The server has no
// expected version, so a value pasted in the moment between is lost to Rekey;
// whoever pasted it is asked again.
func (v *Vault) Discard(ctx context.Context, environment string, e deploy.Entry) error {
	p, err := v.inbox(opDiscard, environment, e.Name)
	if err != nil {
		return err
	}
	switch there, err := v.Collect(ctx, environment, e.Name); {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case there.ID != e.ID || there.Version != e.Version:
		return fault.New(opDiscard, fault.ChangedByOther, fmt.Sprintf("%s in %s is another one by now", e.Name, p))
	}
	sent, err := onSession(ctx, v.keeper, func(s *session) (answer, error) {
		return v.v4.remove(ctx, s, opDiscard, p, e.Name)
	})
	switch {
	case fault.Is(err, fault.NotFound): // an earlier attempt arrived
	case err != nil && !undecided(err):
		return err
	case sent.Approval != nil:
		return sent.Approval.held(opDiscard, p)
	}
	return v.emptied(ctx, environment, e, err)
}

// emptied makes sure that the entry is gone, whatever the answer was.
func (v *Vault) emptied(ctx context.Context, environment string, e deploy.Entry, sent error) error {
	there, err := v.Collect(ctx, environment, e.Name)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case there.ID != e.ID:
		return nil // somebody left a new one since
	}
	return &fault.Error{Op: opDiscard, Class: fault.Again, Reason: fault.NotWritten, Detail: e.Name + " is still there", Err: sent}
}

// inbox finds the place of an environment's inbox and checks names.
func (v *Vault) inbox(op, environment string, names ...string) (Place, error) {
	if _, err := v.place(op, environment, names...); err != nil {
		return Place{}, err
	}
	p, known := v.inboxes[environment]
	if !known {
		return Place{}, never(op, fmt.Sprintf("no inbox is configured for environment %q", environment))
	}
	return p, nil
}
