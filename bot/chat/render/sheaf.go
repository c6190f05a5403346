package render

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"rekey/rotation"
	"rekey/rotation/event"
)

// Sheaf asks the approvers about several rotations at once: what would end, or
// be replaced, on which evidence, and at what cost. It counts for each secret by
// that secret's own policy.
func Sheaf(p *rotation.Progress, s *rotation.Sheaf, a Audience) Message {
	title := fmt.Sprintf("Emergency. May %d old keys end?", len(s.Sheets))
	question := "React ✅ to end the old keys below, ❌ to keep them, or press a button."
	safe := "Rekey has ended none of the old keys below."
	until := "This request does not expire: people are called again until somebody decides."
	text := sentences(a.Mention(), esc(sentences(title, "What happened: "+strings.TrimRight(p.Reason, ".")+".", question, safe)), until)
	blocks := []slack.Block{
		header(title),
		section(sentences(a.Mention(), "*"+question+"*") + "\n" + sentences("*Safe:* "+safe, until)),
		section("*Still at risk:* whoever has an old key can use it until it is dead. *Why:* " + esc(p.Reason)),
	}
	blocks = append(blocks, listing(sheets(p, s))...)
	yes := slack.NewButtonBlockElement(ControlID(Approve), "", plainText("Approve all", buttonLimit)).WithStyle(slack.StylePrimary).
		WithConfirm(slack.NewConfirmationBlockObject(plainText("End these old keys?", confirmTitleLimit), plainText("This cannot be undone. It counts for each secret that you may approve: "+strings.Join(s.Secrets(), ", ")+".", confirmTextLimit),
			plainText("End them", buttonLimit), plainText("Not now", buttonLimit)))
	no := slack.NewButtonBlockElement(ControlID(Deny), "", plainText("Deny …", buttonLimit))
	blocks = append(blocks,
		section("*On ✅:* for each, Rekey looks once more: this approval, the vault and the running application must all still say the same. One of which that is no longer true asks again in its own thread; the others go on."),
		slack.NewActionBlock("", yes, no),
		context(fmt.Sprintf("Your mark counts for each secret whose approver you are, by that secret's own rules. One ❌ is a veto. Removing your reaction withdraws it. Request %d · evidence %s", s.Number, code(short(s.Hash)))))
	return compose(text, blocks...)
}

// sheets are a line for each rotation that a request is about.
func sheets(p *rotation.Progress, s *rotation.Sheaf) []string {
	var lines []string
	for _, sheet := range s.Sheets {
		line := "• *" + esc(sheet.Secret) + "*"
		if r := covered(p, s, sheet); r != nil {
			line += ": " + sheetWords(r)
		}
		lines = append(lines, line+fmt.Sprintf(" (plan %s, evidence %s)", code(short(sheet.Plan)), code(short(sheet.Evidence))))
	}
	return lines
}

func covered(p *rotation.Progress, s *rotation.Sheaf, sheet rotation.Sheet) *rotation.Rotation {
	for _, part := range p.Parts {
		if part.Rotation != nil && part.Rotation.ID == sheet.Rotation && s.Covers(part.Rotation) {
			return part.Rotation
		}
	}
	return nil
}

func sheetWords(r *rotation.Rotation) string {
	if r.Cell.Ahead() {
		return code(r.Olds()) + " is replaced. " + esc(r.Card.Outage)
	}
	text := code(r.Olds()) + " ends: " + esc(endIs(r)) + ". In use is " + code(r.New().Shown())
	if c, proved := r.Proofs[r.Cell.Front()]; proved {
		text += ": " + esc(strings.TrimRight(certificateWords(c.Kind), ","))
	}
	if r.Cell.SignsOut() {
		text += ". Everybody whose token it signed is signed out at once"
	}
	if answer := r.OldRefused(); answer != "" {
		text += ". The service refuses the old one already (" + esc(answer) + ")"
	}
	if taken := harm(r); taken != "" {
		text += ". Breaks with it: " + esc(strings.TrimRight(taken, "."))
	}
	if len(r.Also) > 0 {
		text += ". May break: it also stands in " + esc(strings.Join(r.Also, ", "))
	}
	return text + "."
}

// SheafClosed is the end form of a batch's request.
func SheafClosed(p *rotation.Progress, s *rotation.Sheaf, number int) Message {
	title := fmt.Sprintf("Request %d of the emergency is closed", number)
	if s == nil {
		return compose(title+".", header(title))
	}
	var lines []string
	for _, sheet := range s.Sheets {
		lines = append(lines, "• *"+esc(sheet.Secret)+"*: "+sheetOutcome(p, sheet))
	}
	blocks := append([]slack.Block{header(title)}, listing(lines)...)
	return compose(title+". "+strings.Join(s.Secrets(), ", ")+".", append(blocks, context("Until an old key is gone, ❌ or taking an approval back still stops its end. What follows is told in each thread."))...)
}

func sheetOutcome(p *rotation.Progress, sheet rotation.Sheet) string {
	for _, part := range p.Parts {
		r := part.Rotation
		if r == nil || r.ID != sheet.Rotation || r.Card == nil {
			continue
		}
		switch c := r.Card; {
		case c.Number != sheet.Card:
			return "asked again in its own thread."
		case c.State == rotation.CardApproved:
			return "approved by " + votes(c.Approved) + "."
		case c.State == rotation.CardDenied && c.Denied != nil:
			return sentences("denied by "+votes([]rotation.Vote{*c.Denied})+".", reason(c.Denied.Reason))
		default:
			return esc(string(c.State)) + ". Its thread tells why."
		}
	}
	return "its rotation is gone from the store."
}

// SheafNagged repeats a batch's request.
func SheafNagged(e event.Event, a Audience) Message {
	text := sentences(cut(a.Mention(), fieldLimit), "■ *Still waiting.*", esc(e.Text))
	return compose(text, section(text))
}

// DenySheaf is the modal that asks why several old keys are kept.
func DenySheaf(s *rotation.Sheaf, private string) slack.ModalViewRequest {
	return denyModal("Keep the old keys", fmt.Sprintf("Denying request %d keeps the old keys of %s, for each secret whose approver you are. Nothing of them is revoked. `/rotate retry NAME` asks again for one.",
		s.Number, esc(strings.Join(s.Secrets(), ", "))), private)
}
