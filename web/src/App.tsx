import { lazy, Suspense, useEffect } from "react";
import { Route, Routes } from "react-router";
import { useTranslation } from "react-i18next";
import { ApiError, useApi } from "./api";
import { setZone } from "./zone";
import { Shell } from "./Shell";
import { SignIn } from "./pages/SignIn";
import { Loading, Page, ProblemBox } from "./parts/Page";

const page = (load: () => Promise<Record<string, unknown>>, name: string) => lazy(async () => ({ default: (await load())[name] as React.ComponentType }));
const Home = page(() => import("./pages/Home"), "Home");
const Live = page(() => import("./pages/Live"), "Live");
const People = page(() => import("./pages/People"), "People");
const Person = page(() => import("./pages/Person"), "Person");
const Traits = page(() => import("./pages/Traits"), "Traits");
const Segments = page(() => import("./pages/Segments"), "Segments");
const Segment = page(() => import("./pages/Segment"), "Segment");
const Rankings = page(() => import("./pages/Rankings"), "Rankings");
const Lists = page(() => import("./pages/Lists"), "Lists");
const List = page(() => import("./pages/List"), "List");
const Audiences = page(() => import("./pages/Audiences"), "Audiences");
const Audience = page(() => import("./pages/Audience"), "Audience");
const AudienceEdit = page(() => import("./pages/AudienceEdit"), "AudienceEdit");
const Overlap = page(() => import("./pages/Overlap"), "Overlap");
const Journeys = page(() => import("./pages/Journeys"), "Journeys");
const Journey = page(() => import("./pages/Journey"), "Journey");
const JourneyEdit = page(() => import("./pages/JourneyEdit"), "JourneyEdit");
const JourneyPrint = page(() => import("./pages/JourneyPrint"), "JourneyPrint");
const JourneyTry = page(() => import("./pages/JourneyTry"), "JourneyTry");
const Content = page(() => import("./pages/Content"), "Content");
const Template = page(() => import("./pages/Template"), "Template");
const WordList = page(() => import("./pages/WordList"), "WordList");
const Broadcasts = page(() => import("./pages/Broadcasts"), "Broadcasts");
const Broadcast = page(() => import("./pages/Broadcast"), "Broadcast");
const CampaignCalendar = page(() => import("./pages/CampaignCalendar"), "CampaignCalendar");
const Contacts = page(() => import("./pages/Contacts"), "Contacts");
const Outbox = page(() => import("./pages/Outbox"), "Outbox");
const Deliverability = page(() => import("./pages/Deliverability"), "Deliverability");
const Sender = page(() => import("./pages/Sender"), "Sender");
const LineAccounts = page(() => import("./pages/LineAccounts"), "LineAccounts");
const LineReplies = page(() => import("./pages/LineReplies"), "LineReplies");
const LineMenus = page(() => import("./pages/LineMenus"), "LineMenus");
const LineMenu = page(() => import("./pages/LineMenu"), "LineMenu");
const LineCoupons = page(() => import("./pages/LineCoupons"), "LineCoupons");
const Postal = page(() => import("./pages/Postal"), "Postal");
const PostalBatch = page(() => import("./pages/PostalBatch"), "PostalBatch");
const PostalQuality = page(() => import("./pages/PostalQuality"), "PostalQuality");
const PostalReturns = page(() => import("./pages/PostalReturns"), "PostalReturns");
const PostalProvisions = page(() => import("./pages/PostalProvisions"), "PostalProvisions");
const PostalSettings = page(() => import("./pages/PostalSettings"), "PostalSettings");
const Limits = page(() => import("./pages/Limits"), "Limits");
const Rules = page(() => import("./pages/Rules"), "Rules");
const Reports = page(() => import("./pages/Reports"), "Reports");
const Connection = page(() => import("./pages/Connection"), "Connection");
const Sources = page(() => import("./pages/Sources"), "Sources");
const Imports = page(() => import("./pages/Imports"), "Imports");
const Import = page(() => import("./pages/Import"), "Import");
const Moving = page(() => import("./pages/Moving"), "Moving");
const MovingOne = page(() => import("./pages/Moving"), "MovingOne");
const EventTypes = page(() => import("./pages/EventTypes"), "EventTypes");
const Debugger = page(() => import("./pages/Debugger"), "Debugger");
const Catalogue = page(() => import("./pages/Catalogue"), "Catalogue");
const Product = page(() => import("./pages/Product"), "Product");
const Outflow = page(() => import("./pages/Outflow"), "Outflow");
const Dead = page(() => import("./pages/Dead"), "Dead");
const Tag = page(() => import("./pages/Tag"), "Tag");
const Identity = page(() => import("./pages/Identity"), "Identity");
const Testers = page(() => import("./pages/Testers"), "Testers");
const Settings = page(() => import("./pages/Settings"), "Settings");

export function App() {
  const session = useApi("/session", {}, { staleTime: 60_000 });
  useEffect(() => {
    if (session.data) setZone(session.data.timezone);
  }, [session.data]);
  if (session.error instanceof ApiError && session.error.problem.status === 401) return <SignIn onDone={() => void session.refetch()} />;
  if (session.error && !session.data) return <Page title="Enishi"><ProblemBox error={session.error} retry={() => void session.refetch()} /></Page>;
  if (!session.data) return <Loading lines={4} />;
  return (
    <Shell session={session.data}>
      <Suspense fallback={<Loading lines={6} />}>
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/live" element={<Live />} />
          <Route path="/people" element={<People />} />
          <Route path="/people/traits" element={<Traits />} />
          <Route path="/people/:id" element={<Person />} />
          <Route path="/segments" element={<Segments />} />
          <Route path="/segments/rankings" element={<Rankings />} />
          <Route path="/segments/lists" element={<Lists />} />
          <Route path="/segments/lists/:name" element={<List />} />
          <Route path="/segments/overlap" element={<Overlap />} />
          <Route path="/segments/:name" element={<Segment />} />
          <Route path="/audiences" element={<Audiences />} />
          <Route path="/audiences/new" element={<AudienceEdit />} />
          <Route path="/audiences/:name" element={<Audience />} />
          <Route path="/audiences/:name/edit" element={<AudienceEdit />} />
          <Route path="/journeys" element={<Journeys />} />
          <Route path="/journeys/:name" element={<Journey />} />
          <Route path="/journeys/:name/edit" element={<JourneyEdit />} />
          <Route path="/journeys/:name/print" element={<JourneyPrint />} />
          <Route path="/journeys/:name/try" element={<JourneyTry />} />
          <Route path="/broadcasts" element={<Broadcasts />} />
          <Route path="/broadcasts/calendar" element={<CampaignCalendar />} />
          <Route path="/broadcasts/contacts" element={<Contacts />} />
          <Route path="/broadcasts/:name" element={<Broadcast />} />
          <Route path="/deliverability" element={<Deliverability />} />
          <Route path="/deliverability/sender" element={<Sender />} />
          <Route path="/line-accounts" element={<LineAccounts />} />
          <Route path="/line-accounts/replies" element={<LineReplies />} />
          <Route path="/line-accounts/menus" element={<LineMenus />} />
          <Route path="/line-accounts/menus/:name" element={<LineMenu />} />
          <Route path="/line-accounts/coupons" element={<LineCoupons />} />
          <Route path="/postal" element={<Postal />} />
          <Route path="/postal/quality" element={<PostalQuality />} />
          <Route path="/postal/returns" element={<PostalReturns />} />
          <Route path="/postal/provisions" element={<PostalProvisions />} />
          <Route path="/postal/settings" element={<PostalSettings />} />
          <Route path="/postal/:name" element={<PostalBatch />} />
          <Route path="/outbox" element={<Outbox />} />
          <Route path="/outbox/:id" element={<Outbox />} />
          <Route path="/content" element={<Content />} />
          <Route path="/content/:name" element={<Template />} />
          <Route path="/content/words/:name" element={<WordList />} />
          <Route path="/reports" element={<Reports />} />
          <Route path="/sources" element={<Sources />} />
          <Route path="/sources/events" element={<EventTypes />} />
          <Route path="/identity" element={<Identity />} />
          <Route path="/sources/debug" element={<Debugger />} />
          <Route path="/imports" element={<Imports />} />
          <Route path="/imports/:id" element={<Import />} />
          <Route path="/moving" element={<Moving />} />
          <Route path="/moving/:id" element={<MovingOne />} />
          <Route path="/catalogue" element={<Catalogue />} />
          <Route path="/catalogue/:id" element={<Product />} />
          <Route path="/sources/:name" element={<Connection />} />
          <Route path="/outflow" element={<Outflow />} />
          <Route path="/dead" element={<Dead />} />
          <Route path="/settings" element={<Settings />} />
          <Route path="/settings/tag" element={<Tag />} />
          <Route path="/settings/testers" element={<Testers />} />
          <Route path="/settings/delivery" element={<Limits />} />
          <Route path="/settings/journeys" element={<Rules />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </Suspense>
    </Shell>
  );
}

function NotFound() {
  const { t } = useTranslation();
  return <Page title={t("notFound.title")}>{t("notFound.text")}</Page>;
}
