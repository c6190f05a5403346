package render

import (
	"fmt"

	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/event"
)

// Report is the last post of a rotation: both certificates, who decided, how
// long it took, and what the application felt of it.
func Report(r *rotation.Rotation, e event.Event) Message {
	if r.Cell.Mode == rotation.Rollback {
		return rolledBack(r, e)
	}
	title := r.Secret + " is rotated"
	text := sentences(esc(title)+".", dead(r), containedIn(r), gapLine(r), felt(r), who(r.Requester)+" asked for it.")
	blocks := []slack.Block{header(title), section(sentences(who(r.Requester), esc(e.Text)) + "\n" + dead(r) + "\n*" + felt(r) + "*")}
	blocks = append(blocks, grid(
		field{"New key, in use", keys(r, func(p rotation.Place) rotation.Known { return p.New })},
		field{"Old key, dead", keys(r, func(p rotation.Place) rotation.Known { return p.Old })},
		field{"Life certificate", perEnvironment(func(env string) string { return certificate(r.Proofs, env) })},
		field{"Death certificate", deaths(r)},
		field{"Vault versions", perEnvironment(func(env string) string { return versions(r.Places[env]) })},
		field{"Gap", gap(r)},
		field{"Watch", verdict(r)},
		field{"Approved by", approvers(r)},
		field{"A new key could be made", vaultWord(r)},
		field{"Took", took(r)},
	)...)
	blocks = append(blocks, listing(timings(r))...)
	blocks = append(blocks, otherOffer(r)...)
	blocks = append(blocks, context(fmt.Sprintf("Rotation %s · plan %s · evidence %s", code(r.ID), code(short(r.PlanHash)), code(short(evidenceHash(r))))))
	return drilled(r, compose(text, blocks...))
}

// containedIn says how long a thief had the key after somebody called for help.
func containedIn(r *rotation.Rotation) string {
	in := r.ContainedIn()
	switch {
	case r.Cell.Mode != rotation.Emergency || in == 0:
		return ""
	case r.Cell.Lingers:
		return "It was not contained before it died by itself, " + spoken(in) + " after the alarm, and its holder may have read what took its place."
	default:
		return "Contained " + spoken(in) + " after the alarm."
	}
}

// rolledBack is the last post of a rotation that turned around: which key lives
// where, and what the application felt until then.
func rolledBack(r *rotation.Rotation, e event.Event) Message {
	title := r.Secret + ": rolled back"
	text := sentences(esc(title)+".", esc(e.Text), felt(r))
	blocks := []slack.Block{header(title), section(sentences(esc(e.Text)) + "\n*" + felt(r) + "*")}
	blocks = append(blocks, grid(
		field{"Old key, in use", keys(r, func(p rotation.Place) rotation.Known { return p.Old })},
		field{"New key", esc(r.Back.Fate())},
		field{"Why", esc(r.Back.Why)},
		field{"Life certificate", perEnvironment(func(env string) string { return certificate(r.Proofs, env) })},
		field{"Turned at", code(r.Back.Step)},
		field{"Took", took(r)},
	)...)
	blocks = append(blocks, listing(timings(r))...)
	blocks = append(blocks, context(fmt.Sprintf("Rotation %s · plan %s", code(r.ID), code(short(r.PlanHash)))))
	return compose(text, blocks...)
}

func dead(r *rotation.Rotation) string {
	if !r.OldDead() {
		return "The old key's death is not certified."
	}
	return "The old key is dead: the service refuses it."
}

// felt is the zero-downtime figure.
func felt(r *rotation.Rotation) string {
	if r.Seen.Requests == 0 {
		return "No check counted the application's requests."
	}
	when := ""
	if r.Gap.Counted { // whose own figures stand beside it
		when = " while watching after the gap"
	}
	return fmt.Sprintf("Failed application requests seen%s: %.0f of %.0f.", when, r.Seen.Failed, r.Seen.Requests)
}

// deaths are the death certificates: since when, how often and with which
// answer each old key was refused.
func deaths(r *rotation.Rotation) string {
	one := func(e rotation.Ending) string {
		if e.Dead.IsZero() {
			return "not proved yet"
		}
		words := "no longer listed by the service"
		if !e.ListOnly {
			words = fmt.Sprintf("refused %d times with %s since %s", e.Probes, code(e.Answer), moment(e.Refused))
			if e.Unlisted {
				words += ", no longer listed"
			}
		}
		return words
	}
	if e, shared := r.Ends[""]; shared {
		return one(e)
	}
	return perEnvironment(func(env string) string {
		if e, ok := r.Ends[env]; ok {
			return one(e)
		}
		return ""
	})
}

// approvers are those under whose word the old key ended.
func approvers(r *rotation.Rotation) string {
	if c := underWhich(r); c != nil {
		return votes(c.Approved)
	}
	return ""
}

// underWhich is the request on which the old key ended, or was replaced: a later
// one may be about the vault.
func underWhich(r *rotation.Rotation) *rotation.Card {
	if r.Card != nil && r.Card.About == rotation.AboutVault {
		return r.Allowed
	}
	return r.Card
}

// vaultWord is who said that a new key may be made, where that was asked.
func vaultWord(r *rotation.Rotation) string {
	if r.Card == nil || r.Card.About != rotation.AboutVault {
		return ""
	}
	_, outcome := closingVault(r, r.Card)
	return outcome
}

func evidenceHash(r *rotation.Rotation) string {
	if c := underWhich(r); c != nil {
		return c.Evidence
	}
	return ""
}

func took(r *rotation.Rotation) string {
	if r.Ended.IsZero() {
		return ""
	}
	return spoken(r.Ended.Sub(r.Started))
}

// timings lists the steps that took long enough to matter.
func timings(r *rotation.Rotation) []string {
	all := durations(r)
	var lines []string
	for _, s := range r.Plan {
		if d, ok := all[s.String()]; ok && d > 0 {
			lines = append(lines, esc(commands.StepWords(s))+": "+spoken(d))
			delete(all, s.String())
		}
	}
	return lines
}
