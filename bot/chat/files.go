package chat

import (
	"bytes"
	"context"

	"github.com/slack-go/slack"
)

// upload brings a file's bytes to Slack, where nobody sees them yet, and
// returns the file's id. Each time makes another file.
func (a *api) upload(ctx context.Context, p upload) (id string, err error) {
	var to *slack.GetUploadURLExternalResponse
	err = a.call(ctx, methodAnnounce, "", func(ctx context.Context) error {
		var err error
		to, err = a.client.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: p.name, FileSize: len(p.body), AltTxt: p.alt})
		return err
	})
	if err == nil && (to == nil || to.UploadURL == "" || to.FileID == "") {
		err = empty(methodAnnounce)
	}
	if err != nil {
		return "", err
	}
	err = a.call(ctx, methodBytes, "", func(ctx context.Context) error {
		return a.client.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: p.name, Reader: bytes.NewReader(p.body)})
	})
	return to.FileID, err
}

// complete shows an uploaded file in a thread. Slack shares it after it has
// answered, when it has looked into it
// (https://docs.slack.dev/messaging/working-with-files).
func (a *api) complete(ctx context.Context, p upload, id, comment string) error {
	var done *slack.CompleteUploadExternalResponse
	err := a.call(ctx, methodComplete, "", func(ctx context.Context) error {
		var err error
		done, err = a.client.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: id, Title: p.title}}, Channel: p.at.channel, ThreadTimestamp: p.at.ts, InitialComment: comment,
		})
		return err
	})
	if err == nil && (done == nil || len(done.Files) != 1) {
		err = empty(methodComplete)
	}
	return err
}

// findFile looks for a file among the newest messages of a thread.
func (a *api) findFile(ctx context.Context, channel, thread, name string) (found bool, err error) {
	var messages []slack.Message
	err = a.call(ctx, methodReplies, "", func(ctx context.Context) error {
		var err error
		messages, _, _, err = a.client.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: thread, Limit: newest})
		return err
	})
	for _, m := range messages {
		for _, f := range m.Files {
			found = found || f.Name == name
		}
	}
	return found, err
}
