package render

import (
	"fmt"

	"github.com/slack-go/slack"

	"rekey/rotation"
)

// The controls of a request.
const (
	Approve = "approve"
	Deny    = "deny" // the button, and the modal that it opens
)

// ReasonBlock is the field of the modal that asks why.
const ReasonBlock = "reason"

// ReasonLimit bounds a reason, in characters as Slack counts them. A sentence
// or two is what a thread can use.
const ReasonLimit = 500

const (
	buttonLimit       = 75 // of a button's text
	confirmTitleLimit = 100
	confirmTextLimit  = 300
)

// buttons are the two ways to decide by a click.
func buttons(r *rotation.Rotation) slack.Block {
	yes := slack.NewButtonBlockElement(ControlID(Approve), "", plainText("Approve", buttonLimit)).
		WithStyle(slack.StylePrimary).WithConfirm(sure(r))
	no := slack.NewButtonBlockElement(ControlID(Deny), "", plainText("Deny …", buttonLimit))
	if other := otherButton(r); other != nil {
		return slack.NewActionBlock("", yes, no, other)
	}
	return slack.NewActionBlock("", yes, no)
}

// sure is the question before an approval by click: what ends, and whether it
// can be undone.
func sure(r *rotation.Rotation) *slack.ConfirmationBlockObject {
	if r.Cell.Ahead() {
		return sureAhead(r)
	}
	if r.Cell.RevokeFirst {
		return sureRevoke(r)
	}
	text := fmt.Sprintf("This cannot be undone. The old key at %s ends: %s.", r.Traits.Service, r.Olds())
	switch {
	case r.Traits.UndoOfEnd && r.Cell.Mode == rotation.Emergency:
		text = fmt.Sprintf("This cannot be undone. The old key at %s is disabled and, without a pause, deleted: %s.", r.Traits.Service, r.Olds())
	case r.Traits.UndoOfEnd:
		text = fmt.Sprintf("The old key at %s is disabled, which can be undone, and after another watch deleted, which cannot: %s.", r.Traits.Service, r.Olds())
	}
	text += " Rekey looks at the vault and the application once more before it acts."
	return slack.NewConfirmationBlockObject(
		plainText("End the old "+r.Secret+"?", confirmTitleLimit), plainText(text, confirmTextLimit),
		plainText("End the old key", buttonLimit), plainText("Not now", buttonLimit)).WithStyle(slack.StyleDanger)
}

// DenyModal asks why a request is denied. private comes back with the answer.
func DenyModal(r *rotation.Rotation, private string) slack.ModalViewRequest {
	what := fmt.Sprintf("Denying request %d keeps the old %s. Nothing is revoked by this rotation. `/rotate retry %s` asks again.",
		r.Card.Number, esc(r.Secret), esc(r.Secret))
	if r.Cell.Ahead() {
		what = fmt.Sprintf("Denying request %d keeps the old %s. Nothing is replaced. `/rotate %s` starts again.", r.Card.Number, esc(r.Secret), esc(r.Secret))
	}
	title := "Keep the old key"
	if r.Cell.RevokeFirst {
		what = denyRevoke(r)
		if r.Card.About == rotation.AboutVault {
			title = "The vault is open"
		}
	}
	return denyModal(title, what, private)
}

func denyModal(title, what, private string) slack.ModalViewRequest {
	field := slack.NewPlainTextInputBlockElement(plainText("What has to happen first?", buttonLimit), "text").
		WithMultiline(true).WithMaxLength(ReasonLimit)
	input := slack.NewInputBlock(ReasonBlock, plainText("Why?", buttonLimit),
		plainText("Everybody in the channel reads this, and the journal keeps it. Never paste a key.", fieldLimit), field)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ControlID(Deny), PrivateMetadata: private,
		Title: plainText(title, titleLimit), Submit: plainText("Deny", titleLimit), Close: plainText("Cancel", titleLimit),
		Blocks: slack.Blocks{BlockSet: []slack.Block{section(what), input}},
	}
}

// titleLimit is that of a modal's title and its two buttons.
const titleLimit = 24

func plainText(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut(plainBrackets.Replace(text), limit), true, false)
}

// reason is what somebody gave as a reason, set apart as their words.
func reason(text string) string {
	if text == "" {
		return ""
	}
	return "Reason: “" + foreign(text) + "”."
}
