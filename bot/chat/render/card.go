package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"rekey/rotation"
	"rekey/rotation/event"
)

// Card asks the approvers: what would end, on which evidence, until when, and
// what is safe meanwhile. Only the number of the card in the record counts.
func Card(r *rotation.Rotation, e event.Event, a Audience) Message {
	if r.Cell.Ahead() {
		return cardAhead(r, e, a)
	}
	if r.Cell.RevokeFirst {
		return cardRevoke(r, e, a)
	}
	title := urgently(r, fmt.Sprintf("May the old %s end?", r.Secret))
	question := "React ✅ to end the old key, ❌ to keep it, or press a button below."
	until := noDeadline(r)
	if r.Card != nil && r.Card.Number == e.Card && !r.Card.Expires.IsZero() {
		until = "Until " + moment(r.Card.Expires) + ", then this request expires and nothing is revoked."
	}
	safe := standing(e)
	text := sentences(a.Mention(), esc(sentences(title, leak(r), question, "On ✅ "+ender(r), r.Olds()+":", endIs(r)+".", harm(r), r.Lingering(), safe)), until)
	blocks := []slack.Block{
		header(title),
		section(sentences(a.Mention(), "*"+question+"*") + "\n" + sentences("*Safe:* "+esc(safe), until)),
	}
	blocks = append(blocks, atRisk(r)...)
	blocks = append(blocks, evidence(r, e)...)
	blocks = append(blocks, section("*On ✅:* "+esc(consequence(r))), buttons(r), context(countingRules(e)+" "+hashes(r, e)))
	return compose(text, blocks...)
}

// standing says whether the old key still lives. One that somebody ended
// outside of this rotation must not be called valid.
func standing(e event.Event) string {
	if e.Facts["switched_off"] != "" {
		return "Rekey switched the old key off under an earlier approval; it is not deleted, and switching it on again is possible. The new key is in use."
	}
	if answer := e.Facts["old_refused"]; answer != "" {
		return "The service already refuses the old key (" + answer + "): somebody ended it outside of this rotation. Rekey revoked nothing; the new key is in use."
	}
	if unclear := e.Facts["old_unclear"]; unclear != "" {
		return unclear + " Nothing was revoked."
	}
	return "Old key still valid. Nothing was revoked."
}

// countingRules says whose reactions count, as far as the event tells the
// policy.
func countingRules(e event.Event) string {
	needed, self := "Only approvers count", ", not whoever asked unless the policy says so."
	if q := e.Facts["quorum"]; q != "" && q != "1" {
		needed = esc(q) + " approvers are needed; only approvers count"
	}
	switch e.Facts["self"] {
	case "true":
		self = ", whoever asked among them."
	case "false":
		self = ", not whoever asked."
	}
	return needed + self + " One ❌ is a veto. Removing your reaction withdraws it; ❌ or Deny takes a click back."
}

// ender is who ends the old key, and what they do to it.
func ender(r *rotation.Rotation) string {
	if r.Traits.EndByHand {
		return "a person is asked to end"
	}
	return "Rekey ends"
}

func endIs(r *rotation.Rotation) string {
	if is := r.EndIs(); is != "" {
		return is
	}
	return "ended for good"
}

// consequence says what approving leads to, and what may still be touched.
func consequence(r *rotation.Rotation) string {
	text := "the old key is " + endIs(r) + ". Before that Rekey looks once more: this approval, the vault and the running application must all still say the same. After it, Rekey proves that the old key is refused and watches production once more."
	switch {
	case r.Traits.UndoOfEnd && r.Cell.Mode == rotation.Emergency:
		text = "the old key is switched off and deleted at once: in an emergency nothing waits in between, and nothing switches it on again. Before each, Rekey looks once more: this approval, the vault and the running application must all still say the same. After it, Rekey proves that the old key is refused and watches production."
	case r.Traits.UndoOfEnd:
		text = "the old key is disabled first, which can be undone, and deleted after another watch. Before each, Rekey looks once more: this approval, the vault and the running application must all still say the same."
	}
	if r.Cell.OnlyStaging {
		text = strings.ReplaceAll(text, "watches production", "watches staging")
	}
	if r.Traits.Moves && len(r.Places) > 1 {
		text += " Staging's is ended first and proved dead before production's is touched."
	}
	if r.Traits.Drain != "" {
		text += " May still hold the old key: " + r.Traits.Drain + "."
	}
	if r.Traits.Notice != "" {
		text += " Note: " + r.Traits.Notice + "."
	}
	return text
}

func hashes(r *rotation.Rotation, e event.Event) string {
	hash := e.Facts["evidence"]
	if hash == "" && r.Card != nil {
		hash = r.Card.Evidence
	}
	return fmt.Sprintf("Request %d · plan %s · evidence %s", e.Card, code(short(r.PlanHash)), code(short(hash)))
}

// evidence is the grid of facts an approval is given on.
func evidence(r *rotation.Rotation, e event.Event) []slack.Block {
	fields := []field{
		{"Old key", keys(r, func(p rotation.Place) rotation.Known { return p.Old })},
		{"New key", keys(r, func(p rotation.Place) rotation.Known { return p.New })},
		{"Vault versions", perEnvironment(func(env string) string { return versions(r.Places[env]) })},
		{"Proof that the new key is in use", perEnvironment(func(env string) string { return certificate(r.Proofs, env) })},
		{"Watch", verdict(r)},
		{"Used, as the service tells", esc(e.Facts["uses"])},
		{"Asked for by", who(r.Requester)},
		{"Also used in (change it there first)", esc(e.Facts["also_in"])},
	}
	return grid(fields...)
}

// keys names the credential of each environment, or once where they share it.
func keys(r *rotation.Rotation, of func(rotation.Place) rotation.Known) string {
	named := func(k rotation.Known) string {
		if k.ID == "" && k.Last4 == "" {
			return ""
		}
		return code(k.Shown()) + ", fingerprint " + code(k.Fingerprint.Short())
	}
	if r.Cell.Shared {
		return named(of(r.Places[rotation.Production]))
	}
	return perEnvironment(func(env string) string { return named(of(r.Places[env])) })
}

// versions tells how far each variable moved: "FAL_KEY 3 → 4".
func versions(p rotation.Place) string {
	var names []string
	for name := range p.After {
		names = append(names, name)
	}
	slices.Sort(names)
	var moves []string
	for _, name := range names {
		moves = append(moves, fmt.Sprintf("%s %d → %d", code(name), p.Before[name].Version, p.After[name].Version))
	}
	return strings.Join(moves, ", ")
}

// certificate is the life certificate in a line.
func certificate(proofs map[string]rotation.Certificate, env string) string {
	c, ok := proofs[env]
	switch {
	case !ok:
		return ""
	case c.Kind == rotation.Overridden:
		return esc(c.Affected)
	}
	by := "by 1 instance"
	switch {
	case c.Kind == "bundle":
		by = fmt.Sprintf("on %d visits in a row", c.Answers)
	case c.Instances != 1:
		by = fmt.Sprintf("by %d instances", c.Instances)
	}
	words := certificateWords(c.Kind) + " " + by
	if c.Affected != "" {
		words += "; " + c.Affected
	}
	if c.Deployment != "" {
		return esc(words) + "; deployment " + code(c.Deployment)
	}
	return esc(words)
}

func certificateWords(kind string) string {
	switch kind {
	case "attest":
		return "the application said so (attest),"
	case "bundle":
		return "the page's scripts hold it (bundle),"
	case "usage":
		return "the service saw it used (usage),"
	case "deploy":
		return "deployed after the write (deploy, the weakest proof),"
	default:
		return kind
	}
}

// verdict is what the watch before the card came to.
func verdict(r *rotation.Rotation) string {
	v := r.Vigils[rotation.Watch]
	if v == nil || v.Verdict == "" {
		return ""
	}
	words := string(v.Verdict)
	if len(v.Series) > 0 {
		words += fmt.Sprintf(", %d checks", len(v.Series))
	}
	if r.Seen.Requests > 0 {
		words += fmt.Sprintf("; application requests seen: %.0f, failed: %.0f", r.Seen.Requests, r.Seen.Failed)
	}
	return esc(words)
}

// Closed is the end form of a card: no call to act, and what became of it. A
// card that is not the record's latest was replaced.
func Closed(r *rotation.Rotation, number int) Message {
	title, outcome := closing(r, number)
	text := sentences(esc(title)+".", outcome)
	return drilled(r, compose(text, header(title), section(outcome), context(fmt.Sprintf("Request %d of rotation %s %s", number, code(r.ID), counts(r, number)))))
}

// counts says whether reactions on a closed card still mean something: until the
// old key has ended for good, an approval is looked up again before each act.
func counts(r *rotation.Rotation, number int) string {
	c := r.Card
	if c == nil || c.Number != number || r.Wrote(r.Cell.Front()) && c.About != "" || c.State != rotation.CardApproved || r.State.Final() || (r.OldDead() && !r.SwitchedOff() && c.About == "") || r.Replaced() {
		return "is closed. Reactions on it are not counted any more."
	}
	if c.About == rotation.AboutVault {
		return "is answered. Until a new key is made, ❌ or taking the answer back still stops it."
	}
	return "is approved. Until the old key is gone, ❌ or taking an approval back still stops it."
}

func closing(r *rotation.Rotation, number int) (title, outcome string) {
	kept := r.Lives() + " Nothing was revoked."
	if answer := r.OldRefused(); answer != "" {
		kept = "Nothing was revoked by this rotation; the service refuses the old key already (" + esc(answer) + ")."
	}
	if r.Cell.Ahead() || r.Cell.RevokeFirst {
		kept = esc(r.Safe())
	}
	c := r.CardOf(number)
	if aboutVault(r, number) {
		return closingVault(r, c)
	}
	if c == nil {
		return r.Secret + ": request " + fmt.Sprint(number) + " was replaced", "A later request took its place. Only the latest one counts."
	}
	switch c.State {
	case rotation.CardApproved:
		return r.Secret + ": approved", "Approved by " + votes(c.Approved) + ". What follows is told in this thread."
	case rotation.CardDenied:
		by := "an approver."
		if c.Denied != nil {
			by = sentences(votes([]rotation.Vote{*c.Denied})+".", reason(c.Denied.Reason))
		}
		return r.Secret + ": denied", sentences("Denied by "+by, afterAll(r, kept))
	case rotation.CardExpired:
		return r.Secret + ": request expired", "Nobody approved in time. " + afterAll(r, kept) + " " + again(r)
	case rotation.CardVoid:
		return r.Secret + ": request void", "This request no longer counts. " + afterAll(r, kept)
	default:
		return r.Secret + ": request closed", "This request no longer counts."
	}
}

// again says how people are asked once more.
func again(r *rotation.Rotation) string {
	if r.State.Final() && r.Cell.Mode == rotation.Emergency {
		return "`/rotate-emergency " + esc(r.Secret) + "` starts again."
	}
	if r.State.Final() {
		return "`/rotate " + esc(r.Secret) + "` starts again."
	}
	return "`/rotate retry " + esc(r.Secret) + "` asks again."
}

// afterAll says what is safe after a refusal that may have come late.
func afterAll(r *rotation.Rotation, kept string) string {
	if len(r.Ends) > 0 && !r.Cell.Ahead() {
		return "The end of the old key had been requested before; see the thread for where it stands."
	}
	return kept
}

func votes(all []rotation.Vote) string {
	var names []string
	for _, v := range all {
		names = append(names, fmt.Sprintf("%s (%s, %s)", who(v.Person), esc(v.Path), moment(v.At)))
	}
	return strings.Join(names, ", ")
}

// Open reports whether a card of this number still asks people to act.
func Open(r *rotation.Rotation, number int) bool {
	return r.Card != nil && r.Card.Number == number && r.Card.State == rotation.CardOpen && !r.State.Final()
}
