package render

import (
	"fmt"

	"github.com/slack-go/slack"

	"rekey/rotation"
	"rekey/rotation/event"
)

// NotLeak is the button, beside the plain yes, on a request about the vault.
const NotLeak = "not-the-leak"

// cardRevoke asks the approvers where the old key ends before there is a new
// one: what that costs, and who has to do what in the meantime.
func cardRevoke(r *rotation.Rotation, e event.Event, a Audience) Message {
	if e.Facts["about"] == rotation.AboutVault {
		return cardVault(r, e, a)
	}
	title := urgently(r, fmt.Sprintf("May the old %s end now, before there is a new one?", r.Secret))
	question := "React ✅ to end it now and take the outage, ❌ to keep it, or press a button below."
	safe, costs := r.Safe(), e.Facts["outage"]
	text := sentences(a.Mention(), esc(sentences(title, leak(r), question, costs, harm(r), safe)), noDeadline(r))
	blocks := []slack.Block{
		header(title),
		section(sentences(a.Mention(), "*"+question+"*") + "\n" + sentences("*Safe:* "+esc(safe), noDeadline(r))),
		section("*What it costs:* " + esc(costs)),
	}
	blocks = append(blocks, atRisk(r)...)
	blocks = append(blocks, grid(
		field{"Old key", keys(r, func(p rotation.Place) rotation.Known { return p.Old })},
		field{"Vault versions", perEnvironment(func(env string) string { return held(r.Places[env]) })},
		field{"Asked for by", who(r.Requester)},
		field{"Also used in (it fails there, too)", esc(e.Facts["also_in"])},
	)...)
	blocks = append(blocks, section("*On ✅:* "+esc(consequenceRevoke(r))), buttons(r), context(countingRules(e)+" "+hashes(r, e)))
	return compose(text, blocks...)
}

// consequenceRevoke says what approving leads to.
func consequenceRevoke(r *rotation.Rotation) string {
	text := "Rekey looks once more: this approval and the vault must still say the same. Then the old key is " + endIs(r) + ", without waiting for a new one, and proved dead."
	if r.Traits.EndByHand {
		text = "Rekey looks once more: this approval and the vault must still say the same. Then a person ends the old key in the console, as the thread says, and Rekey proves it dead."
	}
	text += " After that somebody has to say that the vault is closed, or was not the leak: only then a new key is made, written, deployed and proved."
	if r.Traits.Drain != "" {
		text += " May still hold the old key: " + r.Traits.Drain + "."
	}
	if r.Traits.Notice != "" {
		text += " Note: " + r.Traits.Notice + "."
	}
	return text
}

// cardVault asks for the word without which nothing new is made.
func cardVault(r *rotation.Rotation, e event.Event, a Audience) Message {
	title := urgently(r, fmt.Sprintf("May a new %s be made now?", r.Secret))
	question := "React ✅ if the vault is closed to whoever read the old key, ⚪ if the vault was not the leak, ❌ if it is still open, or press a button below."
	text := sentences(a.Mention(), esc(sentences(title, leak(r), question, r.Safe())), noDeadline(r))
	close := "*How to close it:* take away what the thief reads with (tokens, machine identities, accounts, shared links), and look into the vault's log who read what. " +
		"A new key in a vault that is read is as lost as the old one."
	yes := slack.NewButtonBlockElement(ControlID(Approve), "", plainText("The vault is closed", buttonLimit)).WithStyle(slack.StylePrimary).WithConfirm(sureVault(r, "The vault is closed?", "whoever read the old key there cannot read the next one"))
	other := slack.NewButtonBlockElement(ControlID(NotLeak), "", plainText("The vault was not the leak", buttonLimit)).WithConfirm(sureVault(r, "The vault was not the leak?", "the old key got out by another way"))
	no := slack.NewButtonBlockElement(ControlID(Deny), "", plainText("Still open …", buttonLimit))
	return compose(text,
		header(title),
		section(sentences(a.Mention(), "*"+question+"*")+"\n"+sentences("*Safe:* "+esc(r.Safe()), noDeadline(r))),
		section(close),
		section("*On ✅ or ⚪:* Rekey looks once more whether that word stands, has a new key made, writes it, deploys and proves it."),
		slack.NewActionBlock("", yes, other, no),
		context(countingRules(e)+" "+hashes(r, e)))
}

func sureVault(r *rotation.Rotation, title, meaning string) *slack.ConfirmationBlockObject {
	text := fmt.Sprintf("You say that %s. A new %s is made now and written into the vault.", meaning, r.Secret)
	return slack.NewConfirmationBlockObject(plainText(title, confirmTitleLimit), plainText(text, confirmTextLimit),
		plainText("Yes, make a new key", buttonLimit), plainText("Not now", buttonLimit))
}

// sureRevoke is the question before an approval by click.
func sureRevoke(r *rotation.Rotation) *slack.ConfirmationBlockObject {
	text := fmt.Sprintf("This cannot be undone, and what needs the key fails until there is a new one. The old key at %s ends now: %s.", r.Traits.Service, r.Olds())
	return slack.NewConfirmationBlockObject(
		plainText("End "+r.Secret+" now, with an outage?", confirmTitleLimit), plainText(text, confirmTextLimit),
		plainText("End it now", buttonLimit), plainText("Not now", buttonLimit)).WithStyle(slack.StyleDanger)
}

// aboutVault reports a request of this number that asks about the vault.
func aboutVault(r *rotation.Rotation, number int) bool {
	c := r.CardOf(number)
	return c != nil && c.About == rotation.AboutVault
}

// closingVault is the end form of such a request.
func closingVault(r *rotation.Rotation, c *rotation.Card) (title, outcome string) {
	switch c.State {
	case rotation.CardApproved:
		said := "The vault is closed"
		for _, v := range c.Approved {
			if v.Answer == rotation.VaultNotLeak {
				said = "The vault was not the leak"
			}
		}
		return r.Secret + ": a new key may be made", said + ", said " + votes(c.Approved) + "."
	case rotation.CardDenied:
		by := "An approver"
		why := ""
		if c.Denied != nil {
			by, why = votes([]rotation.Vote{*c.Denied}), reason(c.Denied.Reason)
		}
		return r.Secret + ": the vault is not closed", sentences(by+" said that it is still open.", why, esc(r.Safe()), again(r))
	default:
		return r.Secret + ": request void", "This request no longer counts. " + esc(r.Safe())
	}
}

// denyRevoke is what a no means where the old key ends first.
func denyRevoke(r *rotation.Rotation) string {
	if r.Card != nil && r.Card.About == rotation.AboutVault {
		return fmt.Sprintf("The vault is still open: no new %s is made. %s `/rotate retry %s` asks again.", esc(r.Secret), esc(r.Safe()), esc(r.Secret))
	}
	return fmt.Sprintf("Denying request %d keeps the old %s. Nothing is ended. `/rotate-emergency %s` starts again.", r.Card.Number, esc(r.Secret), esc(r.Secret))
}
