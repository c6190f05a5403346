package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"rekey/rotation"
	"rekey/rotation/event"
)

// cardAhead asks the approvers before anything is issued, where issuing kills
// the old key: what it will cost, until when, and what is safe meanwhile.
func cardAhead(r *rotation.Rotation, e event.Event, a Audience) Message {
	title := urgently(r, fmt.Sprintf("May %s be replaced now?", r.Secret))
	question := "React ✅ to have it replaced now, ❌ to keep it, or press a button below."
	until := noDeadline(r)
	if r.Card != nil && r.Card.Number == e.Card && !r.Card.Expires.IsZero() {
		until = "Until " + moment(r.Card.Expires) + ", then this request expires and nothing is replaced."
	}
	safe, costs := standingAhead(r, e), e.Facts["outage"]
	text := sentences(a.Mention(), esc(sentences(title, leak(r), question, costs, safe)), until)
	blocks := []slack.Block{
		header(title),
		section(sentences(a.Mention(), "*"+question+"*") + "\n" + sentences("*Safe:* "+esc(safe), until)),
		section("*What it costs:* " + esc(costs)),
	}
	blocks = append(blocks, atRisk(r)...)
	blocks = append(blocks, grid(
		field{"Old key", keys(r, func(p rotation.Place) rotation.Known { return p.Old })},
		field{"Vault versions", perEnvironment(func(env string) string { return held(r.Places[env]) })},
		field{"Proof of what is in use", perEnvironment(func(env string) string { return certificate(r.Proofs, env) })},
		field{"Asked for by", who(r.Requester)},
		field{"Also used in (change it there at once afterwards)", esc(e.Facts["also_in"])},
	)...)
	blocks = append(blocks, section("*On ✅:* "+esc(consequenceAhead(r))), buttons(r), context(countingRules(e)+" "+hashes(r, e)))
	return compose(text, blocks...)
}

// standingAhead says what lives while people decide.
func standingAhead(r *rotation.Rotation, e event.Event) string {
	if dead := e.Facts["old_refused"]; dead != "" {
		return "The service refuses the old key of " + dead + " already: somebody replaced or ended it outside of this rotation. What needs it fails there, and going on is what mends that."
	}
	return r.Safe()
}

// held tells at which versions the variables stand: "AYRSHARE_API_KEY 3".
func held(p rotation.Place) string {
	var at []string
	for name, h := range p.Before {
		at = append(at, fmt.Sprintf("%s %d", code(name), h.Version))
	}
	slices.Sort(at)
	return strings.Join(at, ", ")
}

// consequenceAhead says what approving leads to.
func consequenceAhead(r *rotation.Rotation) string {
	text := "Rekey looks once more: this approval, the vault and the running application must all still say the same. Then it has the new key made, at most once, writes it, deploys and proves it, and proves that the old one is refused."
	if r.Traits.Guided {
		text = "Rekey looks once more: this approval, the vault and the running application must all still say the same. Then it asks a person to make the new key in the console, writes, deploys and proves it, and proves that the old one is refused."
	}
	if r.Traits.Drain != "" {
		text += " May still hold the old key: " + r.Traits.Drain + "."
	}
	if r.Traits.Notice != "" {
		text += " Note: " + r.Traits.Notice + "."
	}
	return text
}

// sureAhead is the question before an approval by click.
func sureAhead(r *rotation.Rotation) *slack.ConfirmationBlockObject {
	text := fmt.Sprintf("This cannot be undone. The old key at %s dies by it: %s. The request says what that costs. Rekey looks at the vault and the application once more before it acts.", r.Traits.Service, r.Olds())
	return slack.NewConfirmationBlockObject(
		plainText("Replace "+r.Secret+" now?", confirmTitleLimit), plainText(text, confirmTextLimit),
		plainText("Replace it now", buttonLimit), plainText("Not now", buttonLimit)).WithStyle(slack.StyleDanger)
}

// gap is how long production was without a working key.
func gap(r *rotation.Rotation) string {
	if r.Gap.To.IsZero() {
		return ""
	}
	words := "none was seen"
	if r.Gap.Length() > 0 {
		words = r.Cell.Front() + " was without a working key for " + spoken(r.Gap.Length())
		if r.Gap.Rehearsed > 0 {
			words += ", rehearsed: " + spoken(r.Gap.Rehearsed)
		}
	}
	if r.Gap.Counted {
		words += fmt.Sprintf("; application requests meanwhile: %.0f, failed: %.0f", r.Gap.Requests, r.Gap.Failed)
	}
	if r.Gap.Logged {
		words += "; its log shows refusals of the old key"
	}
	return words
}

// gapLine is the same as a sentence.
func gapLine(r *rotation.Rotation) string {
	words := gap(r)
	if words == "" {
		return ""
	}
	return "The gap: " + words + "."
}
