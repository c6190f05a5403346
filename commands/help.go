package commands

// usage is what to type for each verb.
var usage = map[verb]string{
	list:   "`/rotate`",
	start:  "`/rotate NAME`",
	plan:   "`/rotate NAME --plan`",
	status: "`/rotate status` or `/rotate status NAME`",
	cancel: "`/rotate cancel NAME`",
	retry:  "`/rotate retry NAME`",
	back:   "`/rotate rollback NAME`",
	snooze: "`/rotate snooze NAME 7d`",
	wake:   "`/rotate unsnooze NAME`",
	doctor: "`/rotate doctor`",
	help:   "`/rotate help`",
}

func helpReply() Reply {
	return Reply{
		Title: "How to use /rotate",
		Text:  "/rotate lists secrets, /rotate NAME starts, --plan shows every step first; status, cancel, retry, rollback, snooze and help do what they say.",
		Paragraphs: []string{
			"Rekey replaces a secret without downtime. The old key is ended last, and only after an approver reacts ✅ on the request in the thread.",
		},
		Rows: []Row{
			{Label: "/rotate", Text: "every secret with its age, when it is due, and what is running"},
			{Label: "/rotate NAME", Text: "start"},
			{Label: "/rotate NAME --plan", Text: "show every step, what it may affect and who must approve; changes nothing"},
			{Label: "/rotate status [NAME]", Text: "what is running, what it waits for, what is safe"},
			{Label: "/rotate cancel NAME", Text: "stop; once production has the new key, both keys stay alive until somebody retries"},
			{Label: "/rotate retry NAME", Text: "go on after a stop, or ask for approval again"},
			{Label: "/rotate rollback NAME", Text: "go back to the old key while it lives: restored in the vault, deployed, proved; the new key is ended last"},
			{Label: "/rotate snooze NAME 7d", Text: "remind nobody of its age for 1 to 30 days; `/rotate unsnooze NAME` ends that"},
			{Label: "/rotate doctor", Text: "look at everything around Rekey (Slack, vault, service, application) and say what to do; changes nothing"},
			{Label: "/rotate-emergency NAME what happened", Text: "the key has leaked: production gets a new one at once, staging is skipped, and the end of the old one is asked for as soon as production runs on the new one; `--env staging` says that it is staging's own key, and leaves production alone (the other one can be called, too: it begins when the first is over), `--since 3d` says since when others may have known it, `--revoke-first` takes an outage where the thief reads the vault"},
			{Label: "/rotate-emergency all what happened", Text: "the same for every secret at once, or with `tag:X` for those with a tag; `/rotate cancel all` calls it off"},
			{Label: "/rotate-emergency NAME --drill", Text: "rehearse that on a secret that is declared a canary, and be told how long containment took"},
			{Label: "/rotate help", Text: "this"},
		},
		Notes: []string{
			"Names may be typed in any case. Commands do not work inside threads: Slack does not allow it.",
			"Never type a secret value here. Rekey makes the new value itself.",
		},
	}
}

func laterReply(word string) Reply {
	gist := "`" + word + "` comes with a later version. Nothing was done."
	return Reply{Undone: true, Title: "Not in this version", Text: gist, Paragraphs: []string{gist, laterHints[word]}}
}

// laterHints say what to do today instead.
var laterHints = map[string]string{
	"history": "Until then `/rotate status` lists the last rotations, and every rotation has its thread in the channel.",
}

func leakReply() Reply {
	gist := "That looks like a secret value. Slack has it now, so treat it as leaked; rotate it. Nothing was started."
	return Reply{
		Undone: true, Title: "That looks like a secret value",
		Text: gist,
		Paragraphs: []string{
			"Slack has it now, so *treat it as leaked; rotate it*. Nothing was started, and Rekey neither stored nor logged it.",
			"Type the secret's *name*: `/rotate NAME`. Rekey never needs a value from you. If it is not one of the secrets `/rotate` lists, end it in the service's dashboard.",
		},
	}
}
