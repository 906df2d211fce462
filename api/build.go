package api

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
	"enishi/analytics"
	"enishi/channels/lint"
	"enishi/internal/outflow"
)

// prefix is where the operations stand under the workspace's base.
const prefix = "/api/v1"

// build registers every operation of the table.
func (a *API) build() error {
	table := operations()
	for i := range table {
		if a.ops[table[i].id] != nil {
			return fmt.Errorf("operation %s stands twice in the table", table[i].id)
		}
		a.ops[table[i].id] = &table[i]
	}
	cfg := huma.DefaultConfig("Enishi", a.cfg.Version)
	cfg.Info.Description = "Customer data and journeys of one workspace. Instants are RFC 3339 in UTC, amounts decimal text, ids 32 hexadecimal digits."
	cfg.CreateHooks, cfg.DocsPath, cfg.SchemasPath = nil, "", ""
	cfg.Servers = []*huma.Server{{URL: a.cfg.Base + prefix}}
	cfg.Transformers = []huma.Transformer{a.translate}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token made under settings, eni_..."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by POST /session; writes also need the header " + csrfHeader + " with the value of the cookie " + csrfCookie + "."},
	}
	cfg.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	a.huma = humago.NewWithPrefix(a.mux, prefix, cfg)
	a.huma.UseMiddleware(a.enter)
	schemas := a.huma.OpenAPI().Components.Schemas
	schemas.RegisterTypeAlias(reflect.TypeFor[analytics.Text](), reflect.TypeFor[Text]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lint.Text](), reflect.TypeFor[Text]())
	schemas.RegisterTypeAlias(reflect.TypeFor[outflow.Text](), reflect.TypeFor[textInput]())
	schemas.RegisterTypeAlias(reflect.TypeFor[enishi.Money](), reflect.TypeFor[money]())
	schemas.RegisterTypeAlias(reflect.TypeFor[enishi.Amount](), reflect.TypeFor[string]()) // decimal text
	schemas.RegisterTypeAlias(reflect.TypeFor[enishi.ID](), reflect.TypeFor[string]())     // 32 hexadecimal digits
	schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	a.register()
	for _, schema := range schemas.Map() {
		listsAreNeverNull(schema)
	}
	delete(schemas.Map(), "ErrorModel") // what huma says of itself; every error is a Problem
	delete(schemas.Map(), "ErrorDetail")
	var errs []error
	for id, op := range a.ops {
		if op == nil {
			errs = append(errs, fmt.Errorf("operation %s is not in the table", id))
			continue
		}
		if item := a.huma.OpenAPI().Paths[op.path]; item == nil || operationOf(item, op.method) == nil {
			errs = append(errs, fmt.Errorf("operation %s has no handler", id))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, a.addExamples())
	}
	a.mux.HandleFunc("GET "+prefix+"/docs", a.docs)
	a.mux.HandleFunc(prefix+"/", a.nowhere)
	return errors.Join(errs...)
}

// listsAreNeverNull says what holds of every answer: an empty list is [].
func listsAreNeverNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	listsAreNeverNull(s.Items)
	for _, p := range s.Properties {
		listsAreNeverNull(p)
	}
}

// operationOf is the operation of a method.
func operationOf(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{get: item.Get, post: item.Post, put: item.Put, erase: item.Delete}[method]
}

func (a *API) register() {
	register(a, "get-session", a.getSession)
	register(a, "open-session", a.openSession)
	register(a, "close-session", a.closeSession)

	register(a, "get-home", a.getHome)
	register(a, "follow-events", a.followEvents)
	register(a, "list-events", a.listEvents)
	register(a, "list-alerts", a.listAlerts)
	register(a, "close-alert", a.closeAlert)

	register(a, "list-people", a.listPeople)
	register(a, "get-person", a.getPerson)
	register(a, "list-person-traits", a.listPersonTraits)
	register(a, "change-trait", a.changeTrait)
	register(a, "list-notes", a.listNotes)
	register(a, "write-note", a.writeNote)
	register(a, "remove-note", a.removeNote)
	register(a, "get-line-person", a.getLinePerson)
	register(a, "list-traits", a.listTraits)
	register(a, "list-timeline", a.listTimeline)
	register(a, "list-activity", a.listActivity)
	register(a, "find-person", a.findPerson)
	register(a, "list-decisions", a.listDecisions)
	register(a, "get-social-state", a.getSocialState)
	register(a, "list-social-accounts", a.listSocialAccounts)
	register(a, "hold-person", a.holdPerson)
	register(a, "release-person", a.releasePerson)
	register(a, "list-consents", a.listConsents)
	register(a, "find-consents", a.findConsents)
	register(a, "change-consent", a.changeConsent)
	register(a, "erase-person", a.erasePerson)
	register(a, "list-merges", a.listMerges)
	register(a, "get-parting", a.getParting)
	register(a, "unmerge-people", a.unmergePeople)
	register(a, "join-people", a.joinPeople)
	register(a, "part-people", a.partPeople)
	register(a, "get-household", a.getHousehold)
	register(a, "get-identity", a.getIdentity)
	register(a, "list-duplicates", a.listDuplicates)
	register(a, "list-mistyped", a.listMistyped)
	register(a, "get-limit-effect", a.getLimitEffect)
	register(a, "set-identity-limit", a.setLimit)
	register(a, "block-identifier", a.blockIdentifier)
	register(a, "unblock-identifier", a.unblockIdentifier)
	register(a, "let-finding-stand", a.letStand)
	register(a, "export-person", a.exportPerson)

	register(a, "list-segments", a.listSegments)
	register(a, "preview-segment", a.previewSegment)
	register(a, "list-segment-gallery", a.listSegmentGallery)
	register(a, "get-segment-language", a.getSegmentLanguage)
	register(a, "convert-segment-blocks", a.convertSegmentBlocks)
	register(a, "list-segment-values", a.listSegmentValues)
	register(a, "get-segment", a.getSegment)
	register(a, "save-segment", a.saveSegment)
	register(a, "list-sweeps", a.listSweeps)
	register(a, "pause-sweep", a.pauseSweep)
	register(a, "resume-sweep", a.resumeSweep)
	register(a, "cancel-sweep", a.cancelSweep)
	register(a, "sweep-segment", a.sweepSegment)
	register(a, "delete-segment", a.deleteSegment)
	register(a, "count-segment", a.countSegment)
	register(a, "overlap-segments", a.overlapSegments)
	register(a, "explain-segment", a.explainSegment)
	register(a, "export-segment", a.exportSegment)
	register(a, "list-exports", a.listExports)
	register(a, "list-export-columns", a.listExportColumns)
	register(a, "list-segment-uses", a.listSegmentUses)
	register(a, "get-segment-sizes", a.getSegmentSizes)
	register(a, "list-segment-changes", a.listSegmentChanges)
	register(a, "list-members", a.listMembers)

	register(a, "list-lists", a.listLists)
	register(a, "get-list", a.getList)
	register(a, "save-list", a.saveList)
	register(a, "delete-list", a.deleteList)
	register(a, "fill-list", a.fillList)
	register(a, "list-fillings", a.listFillings)
	register(a, "list-rankings", a.listRankings)
	register(a, "get-ranking", a.getRanking)
	register(a, "save-ranking", a.saveRanking)
	register(a, "delete-ranking", a.deleteRanking)
	register(a, "compute-ranking", a.computeRanking)

	register(a, "list-journeys", a.listJourneys)
	register(a, "get-journey-schema", a.getJourneySchema)
	register(a, "list-journey-gallery", a.listJourneyGallery)
	register(a, "get-journey", a.getJourney)
	register(a, "save-journey", a.saveJourney)
	register(a, "change-journey-status", a.changeJourneyStatus)
	register(a, "list-journey-people", a.listJourneyPeople)
	register(a, "get-journey-person", a.getJourneyPerson)
	register(a, "preview-journey", a.previewJourney)
	register(a, "expect-journey", a.expectedJourney)
	register(a, "enter-journey", a.enterJourney)
	register(a, "leave-journey", a.leaveJourney)
	register(a, "list-simulations", a.listSimulations)
	register(a, "start-simulation", a.startSimulation)
	register(a, "get-simulation", a.getSimulation)
	register(a, "list-simulation-people", a.listSimulationPeople)
	register(a, "get-simulation-person", a.getSimulationPerson)
	register(a, "cancel-simulation", a.cancelSimulation)
	register(a, "list-journey-moves", a.listJourneyMoves)
	register(a, "list-journey-flight", a.listJourneyFlight)
	register(a, "get-journey-results", a.getJourneyResults)

	register(a, "list-broadcasts", a.listBroadcasts)
	register(a, "get-broadcast", a.getBroadcast)
	register(a, "save-broadcast", a.saveBroadcast)
	register(a, "get-broadcast-sheet", a.getBroadcastSheet)
	register(a, "send-broadcast", a.sendBroadcast)
	register(a, "change-broadcast-status", a.changeBroadcastStatus)
	register(a, "choose-broadcast-winner", a.chooseBroadcastWinner)
	register(a, "get-broadcast-calendar", a.getBroadcastCalendar)
	register(a, "get-contact-load", a.getContactLoad)

	register(a, "list-templates", a.listTemplates)
	register(a, "get-template", a.getTemplate)
	register(a, "save-template", a.saveTemplate)
	register(a, "delete-template", a.deleteTemplate)
	register(a, "preview-template", a.previewTemplate)
	register(a, "list-testers", a.listTesters)
	register(a, "test-template", a.testTemplate)
	register(a, "lint-template", a.lintTemplate)
	register(a, "list-template-variables", a.listTemplateVariables)
	register(a, "list-words", a.listWords)
	register(a, "delete-words", a.deleteWords)
	register(a, "list-images", a.listImages)
	register(a, "upload-image", a.uploadImage)
	register(a, "list-ad-accounts", a.listAdAccounts)
	register(a, "list-audiences", a.listAudiences)
	register(a, "get-audience", a.getAudience)
	register(a, "save-audience", a.saveAudience)
	register(a, "delete-audience", a.deleteAudience)
	register(a, "sync-audience", a.syncAudience)
	register(a, "audience-uploaded", a.audienceUploaded)
	register(a, "try-audience", a.tryAudience)
	register(a, "list-disclosures", a.listDisclosures)
	register(a, "list-export-tables", a.listExportTables)
	register(a, "list-export-plans", a.listExportPlans)
	register(a, "save-export-plan", a.saveExportPlan)
	register(a, "delete-export-plan", a.deleteExportPlan)
	register(a, "start-export", a.startExport)
	register(a, "list-export-runs", a.listExportRuns)
	register(a, "get-export-run", a.getExportRun)
	register(a, "cancel-export-run", a.cancelExportRun)
	register(a, "get-export-file", a.getExportFile)
	register(a, "list-products", a.listProducts)
	register(a, "get-product", a.getProduct)
	register(a, "save-product", a.saveProduct)
	register(a, "save-products", a.saveProducts)
	register(a, "list-stores", a.listStores)
	register(a, "get-store", a.getStore)
	register(a, "save-store", a.saveStore)
	register(a, "delete-store", a.deleteStore)
	register(a, "list-blocks", a.listBlocks)
	register(a, "get-block", a.getBlock)
	register(a, "save-block", a.saveBlock)
	register(a, "delete-block", a.deleteBlock)

	register(a, "list-outbox", a.listOutbox)
	register(a, "get-outbox-message", a.getOutboxMessage)
	register(a, "get-sending", a.getSending)
	register(a, "get-delivery-limits", a.getDeliveryLimits)
	register(a, "stop-sending", a.stopSending)
	register(a, "resume-sending", a.resumeSending)
	register(a, "cancel-stopped", a.cancelStopped)
	register(a, "turn-sending-off", a.turnSendingOff)
	register(a, "turn-sending-on", a.turnSendingOn)
	register(a, "list-deliveries", a.listDeliveries)
	register(a, "list-line-coupons", a.listLineCoupons)
	register(a, "create-line-coupon", a.createLineCoupon)
	register(a, "close-line-coupon", a.closeLineCoupon)
	register(a, "create-line-audience", a.createLineAudience)
	register(a, "get-line-audience", a.getLineAudience)
	register(a, "list-line-narrowcasts", a.listNarrowcasts)
	register(a, "create-line-narrowcast", a.createNarrowcast)
	register(a, "get-line-narrowcast", a.getNarrowcast)
	register(a, "cancel-line-narrowcast", a.cancelNarrowcast)
	register(a, "list-rich-menus", a.listRichMenus)
	register(a, "save-rich-menu", a.saveRichMenu)
	register(a, "delete-rich-menu", a.deleteRichMenu)
	register(a, "list-replies", a.listReplies)
	register(a, "save-reply", a.saveReply)
	register(a, "delete-reply", a.deleteReply)
	register(a, "try-reply", a.tryReply)
	register(a, "list-line-statistics", a.listLineStatistics)
	register(a, "summarise-deliveries", a.summariseDeliveries)
	register(a, "get-deliverability", a.getDeliverability)
	register(a, "get-sender-checklist", a.getSenderChecklist)
	register(a, "take-mail", a.takeMail)

	register(a, "list-postal-accounts", a.listPostalAccounts)
	register(a, "list-postal-batches", a.listPostalBatches)
	register(a, "get-postal-batch", a.getPostalBatch)
	register(a, "move-postal-batch", a.movePostalBatch)
	register(a, "list-postal-pieces", a.listPostalPieces)
	register(a, "leave-postal-piece", a.leavePostalPiece)
	register(a, "get-postal-proof", a.getPostalProof)
	register(a, "proof-postal-content", a.proofPostalContent)
	register(a, "get-postal-file", a.getPostalFile)
	register(a, "get-postal-response", a.getPostalResponse)
	register(a, "list-postal-returns", a.listPostalReturns)
	register(a, "take-postal-returns", a.takePostalReturns)
	register(a, "list-postal-provisions", a.listPostalProvisions)
	register(a, "get-postal-quality", a.getPostalQuality)
	register(a, "check-postal-quality", a.checkPostalQuality)
	register(a, "list-postal-troubled", a.listPostalTroubled)
	register(a, "import-postal-zip", a.importPostalZip)
	register(a, "list-person-addresses", a.listPersonAddresses)
	register(a, "correct-person-address", a.correctPersonAddress)

	register(a, "list-line-accounts", a.listLineAccounts)
	register(a, "sync-line-followers", a.syncLineFollowers)
	register(a, "list-line-sources", a.listLineSources)
	register(a, "get-line-qr", a.getLineQR)
	register(a, "link-line", a.linkLine)
	register(a, "unlink-line", a.unlinkLine)

	register(a, "list-sources", a.listSources)
	register(a, "list-connections", a.listConnections)
	register(a, "list-streams", a.listStreams)
	register(a, "get-stream-language", a.getStreamLanguage)
	register(a, "get-stream", a.getStream)
	register(a, "save-stream", a.saveStream)
	register(a, "delete-stream", a.deleteStream)
	register(a, "pause-stream", a.pauseStream)
	register(a, "resume-stream", a.resumeStream)
	register(a, "replay-stream", a.replayStream)
	register(a, "test-stream", a.testStream)
	register(a, "get-stream-keys", a.getStreamKeys)
	register(a, "get-connection", a.getConnection)
	register(a, "list-connection-calls", a.listSourceCalls)
	register(a, "pull-connection", a.pullSource)
	register(a, "cancel-pull", a.cancelPull)
	register(a, "try-mapping", a.tryMapping)
	register(a, "set-source-alarm", a.setSourceAlarm)
	register(a, "list-event-types", a.listEventTypes)
	register(a, "get-event-type", a.getEventType)
	register(a, "watch-browser", a.watchBrowser)
	register(a, "list-dead-letters", a.listDeadLetters)
	register(a, "get-dead-letter", a.getDeadLetter)
	register(a, "replay-dead-letter", a.replayDeadLetter)
	register(a, "replay-dead-letters", a.replayDeadLetters)
	register(a, "discard-dead-letter", a.discardDeadLetter)

	register(a, "list-imports", a.listImports)
	register(a, "begin-import-file", a.beginImportFile)
	register(a, "upload-import", a.uploadImport)
	register(a, "get-import", a.getImport)
	register(a, "preview-import", a.previewImport)
	register(a, "start-import", a.startImport)
	register(a, "cancel-import", a.cancelImport)
	register(a, "delete-import", a.deleteImport)
	register(a, "get-import-rejects", a.getImportRejects)
	register(a, "list-import-formats", a.listImportFormats)
	register(a, "list-file-pulls", a.listFilePulls)
	register(a, "get-file-pull", a.getFilePull)
	register(a, "save-file-pull", a.saveFilePull)
	register(a, "delete-file-pull", a.deleteFilePull)
	register(a, "pause-file-pull", a.pauseFilePull)
	register(a, "run-file-pull", a.runFilePull)
	register(a, "try-file-pull", a.tryFilePull)
	register(a, "delete-mapping", a.deleteMapping)

	register(a, "report-revenue", a.reportRevenue)
	register(a, "report-funnel", a.reportFunnel)
	register(a, "report-journeys", a.reportJourneys)
	register(a, "report-messages", a.reportMessages)

	register(a, "list-definitions", a.listDefinitions)
	register(a, "get-definition", a.getDefinition)
	register(a, "save-definition", a.saveDefinition)
	register(a, "get-setting", a.getSetting)
	register(a, "save-setting", a.saveSetting)
	register(a, "get-outlook", a.getOutlook)
	register(a, "get-tag", a.getTag)
	register(a, "list-keys", a.listKeys)
	register(a, "create-key", a.createKey)
	register(a, "delete-key", a.deleteKey)

	register(a, "get-status", a.getStatus)
	register(a, "get-clock", a.getClock)
	register(a, "set-clock", a.setClock)
	register(a, "list-moves", a.listMoves)
	register(a, "create-move", a.createMove)
	register(a, "get-move", a.getMove)
	register(a, "change-move", a.changeMove)
	register(a, "delete-move", a.deleteMove)
	register(a, "bring-move-file", a.bringMoveFile)
	register(a, "start-move", a.startMove)
	register(a, "get-move-report", a.getMoveReport)
	register(a, "get-move-refused", a.getMoveRefused)
	register(a, "begin-import", a.beginImport)
	register(a, "import-records", a.importRecords)
	register(a, "clear-demo", a.clearDemo)
}
