package render

import (
	"github.com/slack-go/slack"

	"rekey/commands"
)

// Emergency is the modal that asks what happened.
const Emergency = "emergency"

// SinceBlock is the field of the modal that asks since when others may have known
// the secret.
const SinceBlock = "since"

const sinceLimit = 40

// FirstBlock has one box, FirstBox: the old key is to end before there is a new one.
const (
	FirstBlock = "first"
	FirstBox   = "revoke-first"
)

// FormModal asks for what is missing of a line; what was understood so far comes
// back with the answer.
func FormModal(f commands.Form) slack.ModalViewRequest {
	field := slack.NewPlainTextInputBlockElement(plainText("Where was it seen, since when, by whom?", buttonLimit), "text").
		WithMultiline(true).WithMaxLength(commands.ReasonLimit)
	input := slack.NewInputBlock(ReasonBlock, plainText("What happened?", buttonLimit),
		plainText("Everybody in the channel reads this, and the journal keeps it. Never paste a key.", fieldLimit), field)
	since := slack.NewInputBlock(SinceBlock, plainText("Since when may others have known it?", buttonLimit),
		plainText("Such as "+commands.SinceHint+". The audit looks from there on. Empty: since the key was made.", fieldLimit),
		slack.NewPlainTextInputBlockElement(nil, "text").WithMaxLength(sinceLimit).WithInitialValue(f.Since)).WithOptional(true)
	blocks := []slack.Block{section(esc(f.What)), input, since}
	if !f.Many {
		blocks = append(blocks, firstBlock(f.First))
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ControlID(Emergency), PrivateMetadata: f.Line,
		Title: plainText("Emergency rotation", titleLimit), Submit: plainText("Start", titleLimit), Close: plainText("Cancel", titleLimit),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// firstBlock is the box for an outage on purpose. It ends nothing by itself: the
// thread says how long the outage will last, and asks for an explicit yes.
func firstBlock(ticked bool) *slack.InputBlock {
	box := slack.NewOptionBlockObject(FirstBox, plainText("End the old key before there is a new one", buttonLimit), nil)
	boxes := slack.NewCheckboxGroupsBlockElement("boxes", box)
	if ticked {
		boxes.InitialOptions = []*slack.OptionBlockObject{box}
	}
	return slack.NewInputBlock(FirstBlock, plainText("Is the vault being read, or does the key do damage now?", fieldLimit),
		plainText("An outage: production has no working key until a new one is deployed. Nothing ends before the thread has said how long, and an approver has said yes.", fieldLimit),
		boxes).WithOptional(true)
}
