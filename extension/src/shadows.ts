/** Elements that may have a shadow tree of a component: all but those that pages are mostly made of, unless empty. */
const MAYBE =
  ":not(div,span,a,p,li,ul,td,tr,i,b,br,img,input,button,label,path,svg,g,use,h1,h2,h3,h4,script,style,link,meta,option,select,form,head,body,html,strong,em,small,code,pre,table,tbody,thead,th,title,section,article,nav,header,footer,main),div:empty";
/** Of the elements without a shadow tree so many are looked at for one, so often after a walk, and so far apart in ms. */
const [MOST, OFTEN, APART] = [200, 200, 25];

/**
 * The open shadow trees in a tree. A walk by the browser's selector engine, ten
 * times as long as a search for inputs; those on plain elements are left out
 * unless it is to be thorough, which takes ten times as long again.
 */
export function shadowsIn(root: ParentNode, thorough = false): ShadowRoot[] {
  return [...hosts(root, thorough)].flatMap((element) => element.shadowRoot ?? []);
}

function hosts(root: ParentNode, thorough: boolean): NodeListOf<Element> {
  return root.querySelectorAll(thorough ? "*" : MAYBE);
}

/** A document and the open shadow trees in it, as far as they are known. */
export interface Trees {
  /** In the order in which they were found. */
  readonly roots: ReadonlySet<Document | ShadowRoot>;
  /** Takes in a shadow tree, and those in it. */
  enter(root: ShadowRoot): void;
  /** Takes in the shadow trees of an element that came, and of those in it. */
  search(element: Element): void;
  /**
   * Takes in all shadow trees, and forgets those that went. From then on it looks
   * for late ones for a while: no observer hears of an element that is given one.
   */
  walk(thorough?: boolean): void;
  stop(): void;
}

/** Knows the document at first; entered is called once for each shadow tree that comes. */
export function makeTrees(entered: (root: ShadowRoot) => void): Trees {
  const roots = new Set<Document | ShadowRoot>([document]);
  let bare: Element[] = []; // what was walked past and may be given a shadow tree
  let looks = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function enter(root: ShadowRoot) {
    if (roots.has(root)) return;
    roots.add(root);
    entered(root);
    search(hosts(root, false));
  }
  function search(elements: Iterable<Element>) {
    for (const element of elements) {
      if (element.shadowRoot) enter(element.shadowRoot);
      else if (bare.length < MOST) bare.push(element);
    }
    looks = 0;
    if (bare.length > 0) timer ??= setTimeout(late, APART);
  }
  function late() {
    timer = undefined;
    const seen = looks + 1;
    const before = bare.filter(({ isConnected }) => isConnected);
    bare = [];
    if (seen < OFTEN) search(before);
    looks = seen;
  }
  return {
    roots,
    enter,
    search: (element) => search([element, ...hosts(element, false)]),
    walk(thorough = false) {
      bare = [];
      for (const root of [...roots]) {
        if (root.isConnected) search(hosts(root, thorough));
        else roots.delete(root);
      }
    },
    stop: () => clearTimeout(timer),
  };
}
