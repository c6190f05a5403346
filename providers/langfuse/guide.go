package langfuse

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// restricted is the kind whose pairs people make although the service could:
// the API gives full access, and the present ones have less.
type restricted struct{ listed }

var (
	_ providers.Kind   = (*restricted)(nil)
	_ providers.Guide  = (*restricted)(nil)
	_ providers.Lister = (*restricted)(nil)
	_ providers.Prober = (*restricted)(nil)
	_ providers.Ender  = (*restricted)(nil)
)

// Traits of a pair that people make.
func (k *restricted) Traits() providers.Traits {
	t := k.listed.Traits()
	t.Kind, t.Guided, t.Remember = kindByHand, true, unseen
	return t
}

// unseen is what only the dashboard shows of a pair, and of a deleted one no more.
const unseen = "its permissions"

// console is the page of a project's keys.
func (at place) console() string {
	return at.site.base + "/project/" + at.project + "/settings/api-keys"
}

// Guide says how to make the pair that an environment needs.
func (k *pairs) Guide(e providers.Errand) (providers.Guidance, error) {
	at, surveyed := k.places[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to make a key at Langfuse", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	return providers.Guidance{Console: at.console(), Steps: []string{
		"Press Create new API keys. (If there is no such button, you are neither Owner nor Admin of the project.)",
		fmt.Sprintf("Note: `%s`. Exactly that: it is how the key is found again.", e.Label),
		k.permissions(e.Environment),
		fmt.Sprintf("Expiry: none, or at least %d days.", days(k.p.config.MinExpiry)),
		"Press Create and copy both keys, secret and public. The secret one is shown this once.",
	}}, nil
}

// permissions are what no API tells, of a pair that lives or lived.
func (k *pairs) permissions(environment string) string {
	public := k.inUse[environment].public
	if k.ended {
		return fmt.Sprintf("Permissions: those that the deleted key `%s` had. Where nobody noted them, take the narrowest with which the application can do its work.", public)
	}
	return fmt.Sprintf("Permissions: those of the key in use, `%s`.", public)
}

func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// Inspect holds a pasted pair against the form, the list and the service. A
// pair that is not listed yet is not asked about: the service would remember
// that it does not know it.
func (k *restricted) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	own, err := k.p.form.read(trimmed(values))
	if err != nil {
		return providers.Inspection{Wrong: pasted(err)}, nil
	}
	if _, err := k.refresh(ctx); err != nil {
		return providers.Inspection{}, err
	}
	row, known := find(k.last(), own.id())
	switch {
	case !known && time.Since(e.Seen) < k.p.config.Waits.Settle:
		return providers.Inspection{Wait: true}, nil // it may be listed late
	case !known:
		return providers.Inspection{Wrong: fmt.Sprintf("Langfuse lists no key %s in the project of %s: it belongs to another one, or a part of it is missing.", own.public, e.Environment)}, nil
	}
	if wrong := k.unfit(e, own, row); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	return k.tried(ctx, e, own, row)
}

func pasted(err error) string {
	return "What was pasted is no pair: " + err.Error() + ". The dashboard shows both keys whole, with a button to copy each."
}

// unfit says in what a pair differs from the one that was asked for.
func (k *restricted) unfit(e providers.Errand, own pair, row wireKey) string {
	if wrong := k.taken(own); wrong != "" {
		return wrong
	}
	until, err := row.expires()
	soonest := time.Now().Add(k.p.config.MinExpiry)
	switch {
	case !fits(row.Display, own.secret):
		return fmt.Sprintf("The secret key is not that of the public key %s: these are halves of two pairs. Paste two that were made together.", own.public)
	case row.note() != e.Label:
		return fmt.Sprintf("Key %s has the note %s. Change it to `%s` in the dashboard, or make another one.", own.public, harmless(row.note()), e.Label)
	case row.made().Before(e.Asked.Add(-k.p.config.Skew)):
		return fmt.Sprintf("Key %s was made before it was asked for, so others may know it. Make a new one.", own.public)
	case err != nil:
		return fmt.Sprintf("When key %s expires cannot be read. Make one without an expiry.", own.public)
	case !until.IsZero() && until.Before(soonest):
		return fmt.Sprintf("Key %s expires on %s, which is too soon: none, or at least %d days from now.", own.public, until.UTC().Format("2 January 2006"), days(k.p.config.MinExpiry))
	}
	return ""
}

// taken recognises halves that are in use.
func (k *pairs) taken(own pair) string {
	for env, used := range k.inUse {
		switch same := own.secret.Equal(used.secret); {
		case own.public == used.public && same:
			return fmt.Sprintf("That is key %s, which %s uses now. A new one is needed.", own.public, env)
		case own.public == used.public, same:
			return fmt.Sprintf("One half of what was pasted is new, the other belongs to key %s, which %s uses now. Paste two that were made together.", used.public, env)
		}
	}
	return ""
}

var plainNote = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,64}$`)

// harmless makes a note that people gave fit for the thread: anything may
// have been pasted into it.
func harmless(note string) string {
	if !plainNote.MatchString(note) || secretForm.MatchString(note) {
		return "of something else"
	}
	return "“" + note + "”"
}

// tried asks the service itself.
func (k *pairs) tried(ctx context.Context, e providers.Errand, own pair, row wireKey) (providers.Inspection, error) {
	at := k.places[e.Environment]
	if k.p.silent(own.id()) {
		return providers.Inspection{Wait: true}, nil
	}
	r := at.site.whose(ctx, "trying a new key at Langfuse", own)
	switch {
	case r.refused:
		k.p.hush(own.id())
		return providers.Inspection{Wrong: fmt.Sprintf("Langfuse refuses what was pasted as key %s: a part of it is missing or altered.", own.public)}, nil
	case r.status == http.StatusForbidden:
		return providers.Inspection{Wrong: fmt.Sprintf("Key %s may not read its own project, so it cannot be told whether it lives. Give it the permission to read.", own.public)}, nil
	case r.project == "":
		return providers.Inspection{Wait: true}, nil
	case r.project != at.project:
		return providers.Inspection{Wrong: fmt.Sprintf("Key %s belongs to another project; %s needs one of `%s`.", own.public, e.Environment, at.project)}, nil
	}
	until, err := row.expires()
	if err != nil {
		return providers.Inspection{}, fault.New("trying a new key at Langfuse", fault.Garbled, "its expiry cannot be read")
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: own.id(), Values: k.p.form.spread(own), Label: e.Label, Made: row.made(), Expires: until,
	}}, nil
}

// mostRefused bounds what is remembered of refused pairs.
const mostRefused = 100

// hush remembers that a pair was refused: asked again soon, the service would
// go on remembering that it does not know it.
func (p *Provider) hush(id providers.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refused) >= mostRefused {
		clear(p.refused)
	}
	p.refused[id] = time.Now()
}

// silent reports whether a pair is to be left alone.
func (p *Provider) silent(id providers.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, refused := p.refused[id]
	return refused && time.Since(at) < p.config.Waits.ProbeEvery
}
